/** What can change in the cluster that lets a rejected pod be scheduled. */
export type EventResource =
  | 'AssignedPod'
  | 'UnscheduledPod'
  | 'Pod'
  | 'Node'
  | 'PersistentVolume'
  | 'PersistentVolumeClaim'
  | 'StorageClass'
  | 'CSINode'
  | 'CSIDriver'
  | 'CSIStorageCapacity'
  | 'Namespace'
  | '*';

export type EventAction =
  | 'Add'
  | 'Delete'
  | 'Update'
  | 'UpdateNodeAllocatable'
  | 'UpdateNodeLabel'
  | 'UpdateNodeTaint'
  | 'UpdateNodeCondition'
  | 'UpdatePodLabel'
  | 'UpdatePodScaleDown'
  | 'UpdatePodToleration'
  | 'UpdatePodSchedulingGates'
  | '*';

/** Something that happened, with the objects before and after. */
export interface ClusterEvent {
  resource: EventResource;
  action: EventAction;
  old?: unknown;
  now?: unknown;
}

/** Whether an event may make a pod schedulable that this plugin rejected. Without a hint every such event may. */
export type QueueingHint<P = unknown> = (pod: P, event: ClusterEvent) => boolean;

/** An event that a plugin wants its rejected pods tried again for. */
export interface EventRegistration<P = unknown> {
  resource: EventResource;
  actions: EventAction[];
  hint?: QueueingHint<P>;
}

/** Whether a registration covers an event. */
export function covers(registration: EventRegistration<never>, event: ClusterEvent): boolean {
  if (event.resource === '*') return true;
  if (registration.resource !== '*' && registration.resource !== event.resource) {
    if (registration.resource !== 'Pod' || !/Pod$/.test(event.resource)) return false;
  }
  return event.action === '*' || registration.actions.includes('*') || registration.actions.includes(event.action);
}
