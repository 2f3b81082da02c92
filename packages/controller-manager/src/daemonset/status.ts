import type { V1DaemonSetStatus } from '@kubelab/api';
import { omitEmpty } from '../framework/canonical.js';
import type { Pod } from '../framework/kinds.js';
import { isPodAvailable, isPodReady } from '../framework/pods.js';
import { shouldRun } from './placement.js';
import { type DaemonState, isUpdated } from './plan.js';

/** The counts of the set over all nodes. */
export function calculateStatus(state: DaemonState, collisionCount: number | undefined): V1DaemonSetStatus {
  const { ds, nodes, podsByNode, hash, nowMs } = state;
  const counts = { desired: 0, current: 0, misscheduled: 0, ready: 0, updated: 0, available: 0 };
  for (const node of nodes) {
    const pods = podsByNode.get(node.metadata.name) ?? [];
    const [first] = [...pods].sort(
      (a: Pod, b: Pod) => Date.parse(a.metadata.creationTimestamp) - Date.parse(b.metadata.creationTimestamp),
    );
    if (!shouldRun(ds, node).run) {
      if (first) counts.misscheduled++;
      continue;
    }
    counts.desired++;
    if (!first) continue;
    counts.current++;
    // During a surge either pod keeps the node served.
    const living = pods.filter((pod) => !pod.metadata.deletionTimestamp);
    const ready = living.find(isPodReady);
    if (ready) counts.ready++;
    if (living.some((pod) => isPodAvailable(pod, ds.spec.minReadySeconds ?? 0, nowMs))) counts.available++;
    if (living.some((pod) => isUpdated(pod, hash))) counts.updated++;
  }
  return {
    currentNumberScheduled: counts.current,
    numberMisscheduled: counts.misscheduled,
    desiredNumberScheduled: counts.desired,
    numberReady: counts.ready,
    ...omitEmpty({
      observedGeneration: ds.metadata.generation,
      updatedNumberScheduled: counts.updated,
      numberAvailable: counts.available,
      numberUnavailable: counts.desired - counts.available,
      collisionCount,
    }),
  };
}
