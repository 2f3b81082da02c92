import type { V1Node, V1Pod } from '@kubelab/api';
import type { ApiObject, Informer } from '@kubelab/client';
import type { Cache } from '../cache/cache.js';
import type { EventResource } from '../framework/events.js';
import type { SchedulerInformers } from '../framework/handle.js';
import { PodInfo } from '../framework/pod-info.js';
import type { SchedulingQueue } from '../queue/scheduling-queue.js';
import { nodeChanges, podChanges } from './change-events.js';

const finished = (pod: V1Pod): boolean => pod.status?.phase === 'Succeeded' || pod.status?.phase === 'Failed';
const assigned = (pod: V1Pod): boolean => Boolean(pod.spec?.nodeName);
const keyOf = (pod: V1Pod): string => `${pod.metadata?.namespace}/${pod.metadata?.name}`;

/** Brings what informers see into the cache and the queue. */
export function addEventHandlers(
  informers: SchedulerInformers & { nodes: Informer<V1Node> },
  cache: Cache,
  queue: SchedulingQueue,
  /** Whether one of the profiles schedules the pod. */
  isOurs: (pod: V1Pod) => boolean,
  /** The pod was deleted while Permit plugins held it back. */
  onWaitingPodGone: (uid: string) => void,
): void {
  const waits = (pod: V1Pod): boolean => !assigned(pod) && !finished(pod) && isOurs(pod);

  informers.pods.addEventHandler({
    add(pod) {
      if (assigned(pod)) podAssigned(undefined, pod);
      else if (waits(pod)) queue.add(pod);
    },
    update(old, pod) {
      if (assigned(pod)) podAssigned(old, pod);
      else if (waits(pod)) updateWaiting(old, pod);
    },
    delete(pod) {
      const key = keyOf(pod);
      queue.delete(key);
      // Also one last seen without a node: it may be assumed on one, or its binding was missed while the watch was away.
      cache.removePod(key, pod.metadata?.uid ?? '');
      if (!assigned(pod)) onWaitingPodGone(pod.metadata?.uid ?? '');
      // One without a node may have been nominated to one: what was kept for it is free.
      queue.moveOn({ resource: 'AssignedPod', action: 'Delete', old: pod });
    },
  });

  function updateWaiting(old: V1Pod, pod: V1Pod): void {
    // Assumed: the update is an echo of the scheduler's own work, the binding decides.
    if (cache.isAssumed(keyOf(pod))) return;
    queue.update(old, pod, podChanges(old, pod, 'UnscheduledPod'));
  }

  function podAssigned(old: V1Pod | undefined, pod: V1Pod): void {
    const key = keyOf(pod);
    if (finished(pod)) {
      cache.removePod(key, pod.metadata?.uid ?? '');
      queue.moveOn({ resource: 'AssignedPod', action: 'Delete', old: pod });
      return;
    }
    cache.setPod(new PodInfo(pod), pod.spec?.nodeName ?? '');
    if (!old || !assigned(old)) {
      queue.delete(key);
      queue.moveOn({ resource: 'AssignedPod', action: 'Add', now: pod });
      return;
    }
    for (const event of podChanges(old, pod, 'AssignedPod')) queue.moveOn(event);
  }

  informers.nodes.addEventHandler({
    add(node) {
      cache.setNode(node);
      queue.moveOn({ resource: 'Node', action: 'Add', now: node });
    },
    update(old, node) {
      cache.setNode(node);
      for (const event of nodeChanges(old, node)) queue.moveOn(event);
    },
    delete(node) {
      cache.removeNode(node.metadata?.name ?? '');
      queue.moveOn({ resource: 'Node', action: 'Delete', old: node });
    },
  });

  const forward = <T extends ApiObject>(informer: Informer<T>, resource: EventResource): void => {
    informer.addEventHandler({
      add: (now) => queue.moveOn({ resource, action: 'Add', now }),
      update: (old, now) => queue.moveOn({ resource, action: 'Update', old, now }),
      delete: (old) => queue.moveOn({ resource, action: 'Delete', old }),
    });
  };
  forward(informers.namespaces, 'Namespace');
  forward(informers.claims, 'PersistentVolumeClaim');
  forward(informers.volumes, 'PersistentVolume');
  forward(informers.storageClasses, 'StorageClass');
  forward(informers.csiNodes, 'CSINode');
  forward(informers.csiDrivers, 'CSIDriver');
  forward(informers.storageCapacities, 'CSIStorageCapacity');
}
