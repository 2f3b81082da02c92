import { deepEqual } from '@kubelab/apimachinery';
import type { Pod } from '../pod/types.js';

/** Whether a change of the object is one the worker acts on: its own status updates come back to it, too. */
export function needsSync(before: Pod, now: Pod): boolean {
  if (before === now) return true;
  const essence = ({ metadata, spec }: Pod) => ({
    spec,
    labels: metadata.labels,
    annotations: metadata.annotations,
    deletion: metadata.deletionTimestamp,
    grace: metadata.deletionGracePeriodSeconds,
  });
  if (!deepEqual(essence(before), essence(now))) return true;
  const gates = (pod: Pod) =>
    (pod.status?.conditions ?? [])
      .filter((condition) => isReadinessGate(pod, condition.type))
      .map((condition) => condition.status);
  return !deepEqual(gates(before), gates(now));
}

/** Whether the pod is to end sooner than it was to before. */
export function hasShorterGrace(before: Pod, now: Pod): boolean {
  const grace = (pod: Pod) => pod.metadata.deletionGracePeriodSeconds ?? Number.POSITIVE_INFINITY;
  return grace(now) < grace(before);
}

/** Whether a condition is one that somebody else sets, and that the pod's readiness waits for (KEP-580). */
export function isReadinessGate(pod: Pod, conditionType: string): boolean {
  return (pod.spec.readinessGates ?? []).some((gate) => gate.conditionType === conditionType);
}
