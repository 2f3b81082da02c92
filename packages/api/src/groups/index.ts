import type { ResourceEntry } from '../resource.js';
import { ResourceTable } from '../table.js';
import { admissionregistrationResources } from './admissionregistration.js';
import { appsResources } from './apps.js';
import { authResources } from './auth.js';
import { autoscalingResources } from './autoscaling.js';
import { batchResources } from './batch.js';
import { certificatesResources } from './certificates.js';
import { coordinationResources } from './coordination.js';
import { coreResources } from './core.js';
import { discoveryResources } from './discovery.js';
import { eventsResources } from './events.js';
import { extensionResources } from './extension.js';
import { flowcontrolResources } from './flowcontrol.js';
import { extensionsResources, networkingResources } from './networking.js';
import { nodeResources } from './node.js';
import { policyResources } from './policy.js';
import { rbacResources } from './rbac.js';
import { schedulingResources } from './scheduling.js';
import { storageResources } from './storage.js';

/** Every built-in resource, in the order of discovery's groups. */
export const builtinResources: ResourceEntry[] = [
  ...coreResources,
  ...extensionResources,
  ...appsResources,
  ...eventsResources,
  ...authResources,
  ...autoscalingResources,
  ...batchResources,
  ...certificatesResources,
  ...networkingResources,
  ...extensionsResources,
  ...policyResources,
  ...rbacResources,
  ...storageResources,
  ...admissionregistrationResources,
  ...schedulingResources,
  ...coordinationResources,
  ...nodeResources,
  ...discoveryResources,
  ...flowcontrolResources,
];

/** The table that the API server serves: the built-in rows; CRDs add theirs. */
export const resources = new ResourceTable(builtinResources);
