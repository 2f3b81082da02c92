import { bootstrapSignerController, tokenCleanerController } from '../bootstrap/index.js';
import { csrApprovingController, csrCleanerController, csrSigningController } from '../certificates/index.js';
import { clusterRoleAggregationController } from '../clusterroleaggregation/index.js';
import { cronJobController } from '../cronjob/index.js';
import { daemonSetController } from '../daemonset/index.js';
import { deploymentController } from '../deployment/index.js';
import { disruptionController } from '../disruption/index.js';
import { endpointsController } from '../endpoints/index.js';
import { endpointSliceController } from '../endpointslice/index.js';
import { endpointSliceMirroringController } from '../endpointslicemirroring/index.js';
import type { ControllerDescriptor } from '../framework/controller.js';
import { garbageCollectorController } from '../garbagecollector/index.js';
import { jobController } from '../job/index.js';
import { namespaceController } from '../namespace/index.js';
import { nodeIpamController } from '../nodeipam/index.js';
import { nodeLifecycleController } from '../nodelifecycle/index.js';
import { horizontalPodAutoscalerController } from '../podautoscaler/index.js';
import { podGarbageCollectorController } from '../podgc/index.js';
import { admissionPolicyStatusController } from '../policystatus/index.js';
import { replicaSetController } from '../replicaset/index.js';
import { replicationController } from '../replication/index.js';
import { resourceQuotaController } from '../resourcequota/index.js';
import { rootCaPublisherController } from '../rootca/index.js';
import {
  legacyTokenCleanerController,
  serviceAccountController,
  serviceAccountTokenController,
} from '../serviceaccount/index.js';
import { serviceCidrController } from '../servicecidr/index.js';
import { serviceLoadBalancerController } from '../servicelb/index.js';
import { statefulSetController } from '../statefulset/index.js';
import { taintEvictionController } from '../tainteviction/index.js';
import { ttlController } from '../ttl/index.js';
import { ttlAfterFinishedController } from '../ttlafterfinished/index.js';
import {
  claimProtectionController,
  ephemeralVolumeController,
  persistentVolumeBinderController,
  volumeExpanderController,
  volumeProtectionController,
} from '../volume/index.js';

/** All controllers, in the order in which they start: what others build on first. */
export const controllerTable: ControllerDescriptor[] = [
  serviceAccountTokenController,
  serviceAccountController,
  rootCaPublisherController,
  clusterRoleAggregationController,
  csrSigningController,
  csrApprovingController,
  csrCleanerController,
  bootstrapSignerController,
  tokenCleanerController,
  nodeIpamController,
  nodeLifecycleController,
  taintEvictionController,
  endpointsController,
  endpointSliceController,
  endpointSliceMirroringController,
  replicationController,
  replicaSetController,
  deploymentController,
  daemonSetController,
  statefulSetController,
  jobController,
  ttlAfterFinishedController,
  cronJobController,
  disruptionController,
  resourceQuotaController,
  horizontalPodAutoscalerController,
  garbageCollectorController,
  namespaceController,
  podGarbageCollectorController,
  persistentVolumeBinderController,
  volumeExpanderController,
  claimProtectionController,
  volumeProtectionController,
  ephemeralVolumeController,
  ttlController,
  serviceCidrController,
  serviceLoadBalancerController,
  admissionPolicyStatusController,
  legacyTokenCleanerController,
];
