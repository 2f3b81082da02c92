import type {
  V1CSIDriver,
  V1CSINode,
  V1CSIStorageCapacity,
  V1Namespace,
  V1Node,
  V1PersistentVolume,
  V1PersistentVolumeClaim,
  V1Pod,
  V1PodDisruptionBudget,
  V1ReplicaSet,
  V1ReplicationController,
  V1Service,
  V1StatefulSet,
  V1StorageClass,
} from '@kubelab/api';
import { gvr, type Informer, type InformerFactory } from '@kubelab/client';
import type { SchedulerInformers } from '../framework/handle.js';

/** Terminal pods take no space and are never scheduled: not asked for at all. */
const livePods = 'status.phase!=Succeeded,status.phase!=Failed';

/** What servers keep for others and no plugin reads; for thousands of pods it is most of the memory. */
function dropManagedFields<T extends { metadata?: { managedFields?: unknown } }>(object: T): T {
  if (object.metadata) delete object.metadata.managedFields;
  return object;
}

/** All that the scheduler watches. */
export function createInformers(factory: InformerFactory): SchedulerInformers & { nodes: Informer<V1Node> } {
  return {
    pods: factory.informer<V1Pod>(gvr.pods, { fieldSelector: livePods, transform: dropManagedFields }),
    nodes: factory.informer<V1Node>(gvr.nodes, { transform: dropManagedFields }),
    namespaces: factory.informer<V1Namespace>(gvr.namespaces),
    services: factory.informer<V1Service>(gvr.services, { transform: dropManagedFields }),
    replicationControllers: factory.informer<V1ReplicationController>(gvr.replicationcontrollers),
    replicaSets: factory.informer<V1ReplicaSet>(gvr.replicasets, { transform: dropManagedFields }),
    statefulSets: factory.informer<V1StatefulSet>(gvr.statefulsets, { transform: dropManagedFields }),
    disruptionBudgets: factory.informer<V1PodDisruptionBudget>(gvr.poddisruptionbudgets),
    claims: factory.informer<V1PersistentVolumeClaim>(gvr.persistentvolumeclaims, { transform: dropManagedFields }),
    volumes: factory.informer<V1PersistentVolume>(gvr.persistentvolumes, { transform: dropManagedFields }),
    storageClasses: factory.informer<V1StorageClass>(gvr.storageclasses),
    csiNodes: factory.informer<V1CSINode>(gvr.csinodes),
    csiDrivers: factory.informer<V1CSIDriver>(gvr.csidrivers),
    storageCapacities: factory.informer<V1CSIStorageCapacity>(gvr.csistoragecapacities),
  };
}
