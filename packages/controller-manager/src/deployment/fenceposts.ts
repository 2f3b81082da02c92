import { scaledValue } from '../framework/int-or-percent.js';
import type { Deployment } from '../framework/kinds.js';

/**
 * Absolute maxSurge and maxUnavailable. Surge rounds up, unavailable down; if both come to 0, unavailable is 1, since
 * validation does not let both be 0 and percentages may round to it.
 */
export function resolveFenceposts(
  surge: number | string | undefined,
  unavailable: number | string | undefined,
  desired: number,
): { maxSurge: number; maxUnavailable: number } {
  const maxSurge = scaledValue(surge, desired, true);
  const maxUnavailable = scaledValue(unavailable, desired, false);
  return maxSurge === 0 && maxUnavailable === 0 ? { maxSurge, maxUnavailable: 1 } : { maxSurge, maxUnavailable };
}

export function isRollingUpdate(d: Deployment): boolean {
  return (d.spec.strategy?.type ?? 'RollingUpdate') === 'RollingUpdate';
}

function fenceposts(d: Deployment): { maxSurge: number; maxUnavailable: number } {
  const rolling = d.spec.strategy?.rollingUpdate;
  return resolveFenceposts(rolling?.maxSurge ?? '25%', rolling?.maxUnavailable ?? '25%', d.spec.replicas ?? 1);
}

/** Pods that may exist above the desired number during a rolling update. */
export function maxSurge(d: Deployment): number {
  return isRollingUpdate(d) ? fenceposts(d).maxSurge : 0;
}

/** Pods that may be missing below the desired number during a rolling update; never more than all. */
export function maxUnavailable(d: Deployment): number {
  const replicas = d.spec.replicas ?? 1;
  if (!isRollingUpdate(d) || replicas === 0) return 0;
  return Math.min(fenceposts(d).maxUnavailable, replicas);
}
