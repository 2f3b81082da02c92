import type { V1Pod, V1PodTemplateSpec, V1StatefulSetStatus } from '@kubelab/api';
import type { ControllerRevision, Pod, StatefulSet } from '../framework/kinds.js';
import { isPodAvailable, isPodReady, isPodTerminal } from '../framework/pods.js';
import type { ClaimControl } from './claims.js';
import { mendedPod, newPod, ordinalOf, replicasOf, revisionOf, startOrdinal } from './pod.js';
import type { StatefulPodControl } from './pod-control.js';

export interface StatefulPass {
  set: StatefulSet;
  /** The set's pods, in any order. */
  pods: Pod[];
  current: { revision: ControllerRevision; template: V1PodTemplateSpec };
  update: { revision: ControllerRevision; template: V1PodTemplateSpec };
  control: StatefulPodControl;
  claims: ClaimControl;
  nowMs: number;
}

/** A slot of the set: the pod that is there, or the one to create. */
interface Slot {
  ordinal: number;
  pod: Pod | undefined;
}

const isTerminating = (pod: Pod): boolean => pod.metadata.deletionTimestamp !== undefined;
const isRunningAndReady = (pod: Pod): boolean => pod.status?.phase === 'Running' && isPodReady(pod);
const isHealthy = (pod: Pod | undefined): boolean => pod !== undefined && isRunningAndReady(pod) && !isTerminating(pod);

/**
 * One pass over a set (StatefulSetControl.updateStatefulSet): creates what is missing in order, then deletes what is
 * too much from the highest ordinal down, then replaces pods of old revisions from the highest down. With OrderedReady
 * each step waits for the pods before it. Returns the status as the pass leaves it.
 */
export async function updateStatefulSet(pass: StatefulPass): Promise<V1StatefulSetStatus> {
  const { set, pods } = pass;
  const status = countPods(pass);
  if (set.metadata.deletionTimestamp) return status;
  const start = startOrdinal(set);
  const inRange = (pod: Pod): boolean => ordinalOf(pod) >= start && ordinalOf(pod) < start + replicasOf(set);
  const byOrdinal = new Map(pods.filter(inRange).map((pod) => [ordinalOf(pod), pod]));
  const slots = Array.from(
    { length: replicasOf(set) },
    (_, i): Slot => ({ ordinal: start + i, pod: byOrdinal.get(start + i) }),
  );
  const condemned = pods.filter((pod) => !inRange(pod)).sort((a, b) => ordinalOf(b) - ordinalOf(a));
  const monotonic = set.spec.podManagementPolicy !== 'Parallel';

  for (const slot of slots) {
    if (await processSlot(pass, slot, monotonic, status)) return status;
  }
  for (const pod of condemned) await pass.claims.syncOwners(set, pod, true);
  const firstUnhealthy =
    slots.find(({ pod }) => !isHealthy(pod))?.pod ?? [...condemned].reverse().find((pod) => !isHealthy(pod));
  const slotUnhealthy = slots.some(({ pod }) => !isHealthy(pod));
  for (const pod of condemned) {
    if (await processCondemned(pass, pod, monotonic, slotUnhealthy ? undefined : firstUnhealthy, status)) return status;
  }
  if (set.spec.updateStrategy?.type === 'OnDelete') return status;
  await replaceOldPods(pass, slots, status);
  return status;
}

/** Returns whether the pass must end here. */
async function processSlot(
  pass: StatefulPass,
  slot: Slot,
  monotonic: boolean,
  status: V1StatefulSetStatus,
): Promise<boolean> {
  const { set, control, claims } = pass;
  const { pod, ordinal } = slot;
  if (!pod) {
    if (claims.isStale(set, ordinal, undefined)) return true;
    const created = await control.create(set, versionedPod(pass, ordinal));
    await claims.syncOwners(set, created as Pod, false);
    status.replicas = (status.replicas ?? 0) + 1;
    if (revisionOf(created) === status.currentRevision) status.currentReplicas = (status.currentReplicas ?? 0) + 1;
    if (revisionOf(created) === status.updateRevision) status.updatedReplicas = (status.updatedReplicas ?? 0) + 1;
    return monotonic;
  }
  if (isPodTerminal(pod)) {
    // Its name must be free before it can be made again.
    if (!isTerminating(pod)) {
      control.tellRecreation(set, pod);
      await control.delete(set, pod);
    }
    return true;
  }
  if (pod.status?.phase === 'Pending') await claims.ensure(set, ordinal);
  if (monotonic) {
    const available = isRunningAndReady(pod) && isPodAvailable(pod, set.spec.minReadySeconds ?? 0, pass.nowMs);
    if (isTerminating(pod) || !available) return true;
  }
  if (isTerminating(pod)) return false;
  await claims.syncOwners(set, pod, false);
  const mended = mendedPod(set, pod);
  if (mended) {
    await claims.ensure(set, ordinal);
    await control.update(set, mended);
  }
  return false;
}

async function processCondemned(
  pass: StatefulPass,
  pod: Pod,
  monotonic: boolean,
  firstUnhealthy: Pod | undefined,
  status: V1StatefulSetStatus,
): Promise<boolean> {
  const { set, control } = pass;
  if (isTerminating(pod)) return monotonic;
  const available = isRunningAndReady(pod) && isPodAvailable(pod, set.spec.minReadySeconds ?? 0, pass.nowMs);
  if (monotonic && !available && pod !== firstUnhealthy) return true;
  await control.delete(set, pod);
  if (revisionOf(pod) === status.currentRevision) status.currentReplicas = (status.currentReplicas ?? 1) - 1;
  if (revisionOf(pod) === status.updateRevision) status.updatedReplicas = (status.updatedReplicas ?? 1) - 1;
  return monotonic;
}

/** Deletes the highest pod of an old revision, once all above it are healthy; its slot is filled anew. */
async function replaceOldPods(pass: StatefulPass, slots: Slot[], status: V1StatefulSetStatus): Promise<void> {
  const { set, update, control } = pass;
  const partition = set.spec.updateStrategy?.rollingUpdate?.partition ?? 0;
  for (const { pod, ordinal } of [...slots].reverse()) {
    if (ordinal < startOrdinal(set) + partition) return;
    if (pod && revisionOf(pod) !== update.revision.metadata.name && !isTerminating(pod)) {
      await control.delete(set, pod);
      status.currentReplicas = Math.max(0, (status.currentReplicas ?? 0) - 1);
      return;
    }
    if (!pod || !isHealthy(pod)) return;
  }
}

/** A new pod of the current revision where an update has not come to yet, of the update revision elsewhere. */
function versionedPod({ set, current, update }: StatefulPass, ordinal: number): V1Pod {
  const rolling = set.spec.updateStrategy?.rollingUpdate;
  const isRolling = (set.spec.updateStrategy?.type ?? 'RollingUpdate') === 'RollingUpdate';
  const bound = startOrdinal(set) + (rolling?.partition ?? set.status?.currentReplicas ?? 0);
  const chosen = isRolling && ordinal < bound ? current : update;
  return newPod(set, chosen.template, chosen.revision.metadata.name, ordinal);
}

/** The counts of the set's pods, before the pass changes anything. */
export function countPods({
  set,
  pods,
  current,
  update,
  nowMs,
}: Pick<StatefulPass, 'set' | 'pods' | 'current' | 'update' | 'nowMs'>): V1StatefulSetStatus {
  const ready = pods.filter(isRunningAndReady);
  const living = pods.filter((pod) => !isTerminating(pod));
  const ofRevision = (name: string): number => living.filter((pod) => revisionOf(pod) === name).length;
  return {
    observedGeneration: set.metadata.generation,
    replicas: pods.length,
    readyReplicas: ready.length,
    availableReplicas: ready.filter((pod) => isPodAvailable(pod, set.spec.minReadySeconds ?? 0, nowMs)).length,
    currentRevision: current.revision.metadata.name,
    currentReplicas: ofRevision(current.revision.metadata.name),
    updateRevision: update.revision.metadata.name,
    updatedReplicas: ofRevision(update.revision.metadata.name),
  };
}
