import type { V1Pod, V1PodCondition } from '@kubelab/api';

/** The condition of the given type, if the pod has one. */
export function podCondition(pod: V1Pod, type: string): V1PodCondition | undefined {
  return pod.status?.conditions?.find((condition) => condition.type === type);
}

export function isPodReady(pod: V1Pod): boolean {
  return podCondition(pod, 'Ready')?.status === 'True';
}

/** Ready for at least `minReadySeconds`. */
export function isPodAvailable(pod: V1Pod, minReadySeconds: number, nowMs: number): boolean {
  return isPodReady(pod) && availableInMs(pod, minReadySeconds, nowMs) === 0;
}

/** Milliseconds until a ready pod counts as available; 0 if it does now. */
export function availableInMs(pod: V1Pod, minReadySeconds: number, nowMs: number): number {
  if (minReadySeconds === 0) return 0;
  const since = podCondition(pod, 'Ready')?.lastTransitionTime;
  if (!since) return minReadySeconds * 1000;
  return Math.max(0, Date.parse(since) + minReadySeconds * 1000 - nowMs);
}

/** Succeeded or Failed: its containers will never run again. */
export function isPodTerminal(pod: V1Pod): boolean {
  return pod.status?.phase === 'Succeeded' || pod.status?.phase === 'Failed';
}

/** Neither finished nor being deleted: counts towards a controller's replicas. */
export function isPodActive(pod: V1Pod): boolean {
  return !isPodTerminal(pod) && !pod.metadata?.deletionTimestamp;
}

/** Being deleted but its containers may still run. */
export function isPodTerminating(pod: V1Pod): boolean {
  return !isPodTerminal(pod) && pod.metadata?.deletionTimestamp !== undefined;
}
