import type { Deployment, ReplicaSet } from '../framework/kinds.js';
import { maxReplicasAnnotation } from './annotations.js';
import { maxSurge } from './fenceposts.js';
import {
  activeSets,
  bySizeNewer,
  bySizeOlder,
  deploymentReplicas,
  specReplicas,
  totalReplicas,
} from './replica-sets.js';
import type { Scaling } from './rolling-update.js';

/**
 * Spreads a change of the deployment's size over the sets of a rollout in progress, in proportion to their sizes, so
 * that a bad rollout does not take over just because someone scaled (proportional scaling).
 */
export function proportionalScaling(d: Deployment, sets: ReplicaSet[]): Scaling[] {
  const active = activeSets(sets);
  const allowed = deploymentReplicas(d) > 0 ? deploymentReplicas(d) + maxSurge(d) : 0;
  const toAdd = allowed - totalReplicas(active);
  const ordered = [...active].sort(toAdd > 0 ? bySizeNewer : bySizeOlder);
  let added = 0;
  const scalings = ordered.map((set) => {
    const part = toAdd === 0 ? 0 : proportion(set, d, toAdd, added);
    added += part;
    return { set, replicas: specReplicas(set) + part };
  });
  // The largest set takes what rounding left over.
  const first = scalings[0];
  if (first && toAdd !== 0) first.replicas = Math.max(0, first.replicas + toAdd - added);
  return scalings;
}

function proportion(rs: ReplicaSet, d: Deployment, toAdd: number, added: number): number {
  if (specReplicas(rs) === 0 || toAdd === added) return 0;
  const fraction = fractionOf(rs, d);
  const left = toAdd - added;
  return toAdd > 0 ? Math.min(fraction, left) : Math.max(fraction, left);
}

function fractionOf(rs: ReplicaSet, d: Deployment): number {
  const size = specReplicas(rs);
  if (deploymentReplicas(d) === 0) return -size;
  const max = deploymentReplicas(d) + maxSurge(d);
  const annotated = Number.parseInt(rs.metadata.annotations?.[maxReplicasAnnotation] ?? '', 10);
  const maxBefore = annotated || d.status?.replicas || 0;
  if (maxBefore === 0) return 0;
  return roundHalfAwayFromZero((size * max) / maxBefore) - size;
}

function roundHalfAwayFromZero(value: number): number {
  return value < 0 ? Math.trunc(value - 0.5) : Math.trunc(value + 0.5);
}
