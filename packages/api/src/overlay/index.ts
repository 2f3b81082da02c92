import { admissionregistrationOverlay } from './admissionregistration.js';
import { apiextensionsOverlay } from './apiextensions.js';
import { apiregistrationOverlay } from './apiregistration.js';
import type { Overlay } from './apply.js';
import { appsOverlay } from './apps.js';
import { autoscalingOverlay } from './autoscaling.js';
import { batchOverlay } from './batch.js';
import { certificatesOverlay } from './certificates.js';
import { coreOverlay } from './core.js';
import { discoveryOverlay } from './discovery.js';
import { enumOverlay } from './enums.js';
import { flowcontrolOverlay } from './flowcontrol.js';
import { metaOverlay } from './meta.js';
import { networkingOverlay } from './networking.js';
import { nodeOverlay } from './node.js';
import { policyOverlay } from './policy.js';
import { rbacOverlay } from './rbac.js';
import { storageOverlay } from './storage.js';

/** What the generated models lack, one file an API group. */
export const overlays: Overlay[] = [
  admissionregistrationOverlay,
  apiextensionsOverlay,
  apiregistrationOverlay,
  appsOverlay,
  autoscalingOverlay,
  batchOverlay,
  certificatesOverlay,
  coreOverlay,
  discoveryOverlay,
  flowcontrolOverlay,
  metaOverlay,
  networkingOverlay,
  nodeOverlay,
  policyOverlay,
  rbacOverlay,
  storageOverlay,
  enumOverlay,
];
