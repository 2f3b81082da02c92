import type { Deployment, ReplicaSet } from '../framework/kinds.js';
import { isRollingUpdate, maxSurge, maxUnavailable } from './fenceposts.js';
import { availableReplicas, byCreation, deploymentReplicas, specReplicas, totalReplicas } from './replica-sets.js';

/** A set and the size it should get. */
export interface Scaling {
  set: ReplicaSet;
  replicas: number;
}

/** How many replicas the new set may have now: as many as maxSurge leaves room for. */
export function newSetReplicas(d: Deployment, allSets: ReplicaSet[], newSetCurrent: number): number {
  if (!isRollingUpdate(d)) return deploymentReplicas(d);
  const current = totalReplicas(allSets);
  const maxTotal = deploymentReplicas(d) + maxSurge(d);
  if (current >= maxTotal) return newSetCurrent;
  return newSetCurrent + Math.min(maxTotal - current, deploymentReplicas(d) - newSetCurrent);
}

/**
 * Which old sets to scale down now. First goes what is not available anyway (it cannot make things worse), then as
 * many available ones as maxUnavailable lets go; the oldest set first.
 */
export function scaleDownOldSets(
  d: Deployment,
  allSets: ReplicaSet[],
  oldSets: ReplicaSet[],
  newSet: ReplicaSet,
): Scaling[] {
  if (totalReplicas(oldSets) === 0) return [];
  const minAvailable = deploymentReplicas(d) - maxUnavailable(d);
  const newUnavailable = specReplicas(newSet) - (newSet.status?.availableReplicas ?? 0);
  const maxScaledDown = totalReplicas(allSets) - minAvailable - newUnavailable;
  if (maxScaledDown <= 0) return [];

  const sizes = new Map(oldSets.map((rs) => [rs, specReplicas(rs)]));
  const ordered = [...oldSets].sort(byCreation);
  cleanUpUnhealthy(ordered, sizes, maxScaledDown);
  let available = availableReplicas(allSets) - minAvailable;
  for (const rs of ordered) {
    if (available <= 0) break;
    const size = sizes.get(rs) ?? 0;
    const down = Math.min(size, available);
    sizes.set(rs, size - down);
    available -= down;
  }
  return ordered
    .map((set) => ({ set, replicas: sizes.get(set) ?? 0 }))
    .filter(({ set, replicas }) => replicas !== specReplicas(set));
}

function cleanUpUnhealthy(ordered: ReplicaSet[], sizes: Map<ReplicaSet, number>, max: number): void {
  let left = max;
  for (const rs of ordered) {
    if (left <= 0) return;
    const size = sizes.get(rs) ?? 0;
    const unhealthy = size - (rs.status?.availableReplicas ?? 0);
    if (size === 0 || unhealthy <= 0) continue;
    const down = Math.min(left, unhealthy);
    sizes.set(rs, size - down);
    left -= down;
  }
}
