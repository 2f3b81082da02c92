import type { Pod } from '../framework/kinds.js';

const baseMs = 10_000;
const maxMs = 10 * 60_000;

/** When the pod's containers ended, as far as that is known; the time of deletion or creation otherwise. */
export function finishTimeMs(pod: Pod): number {
  const ends = [...(pod.status?.containerStatuses ?? []), ...(pod.status?.initContainerStatuses ?? [])].flatMap(
    ({ state }) => (state?.terminated?.finishedAt ? [Date.parse(state.terminated.finishedAt)] : []),
  );
  if (ends.length > 0) return Math.max(...ends);
  const ready = pod.status?.conditions?.find((condition) => condition.type === 'Ready')?.lastTransitionTime;
  return Date.parse(ready ?? pod.metadata.deletionTimestamp ?? pod.metadata.creationTimestamp);
}

/**
 * Milliseconds until the next pod may be created: 10 s, doubled for each failure since the last success, up to ten
 * minutes, counted from the last failure. Read off the pods themselves, so that a restart changes nothing.
 */
export function creationDelayMs(pods: Pod[], isFailed: (pod: Pod) => boolean, nowMs: number): number {
  const lastSuccess = Math.max(0, ...pods.filter((pod) => pod.status?.phase === 'Succeeded').map(finishTimeMs));
  const failures = pods
    .filter(isFailed)
    .map(finishTimeMs)
    .filter((time) => time > lastSuccess);
  if (failures.length === 0) return 0;
  const delayMs = Math.min(baseMs * 2 ** (failures.length - 1), maxMs);
  return Math.max(0, Math.max(...failures) + delayMs - nowMs);
}
