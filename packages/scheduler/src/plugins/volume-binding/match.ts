import type { V1Node, V1PersistentVolume, V1PersistentVolumeClaim, V1TopologySelectorTerm } from '@kubelab/api';
import { labelSelectorAsSelector } from '@kubelab/apimachinery';
import { storageClassOf } from '../../framework/claims.js';
import { nodeSelectorMatches } from '../../framework/node-selector.js';
import { unitsOf } from '../../framework/resource.js';

/** Bytes that a claim asks for. */
export const sizeOfClaim = (claim: V1PersistentVolumeClaim): number =>
  unitsOf(claim.spec?.resources?.requests?.storage ?? '0');

const sizeOfVolume = (volume: V1PersistentVolume): number => unitsOf(volume.spec?.capacity?.storage ?? '0');

/** Whether a volume can be used on a node, by the volume's node affinity. */
export function isReachable(volume: V1PersistentVolume, node: V1Node): boolean {
  const required = volume.spec?.nodeAffinity?.required;
  return !required || nodeSelectorMatches(required, node);
}

/** Whether a volume is reserved for (or bound to) the claim; a reference without UID was written by a user. */
export function isReservedFor(volume: V1PersistentVolume, claim: V1PersistentVolumeClaim): boolean {
  const ref = volume.spec?.claimRef;
  if (ref?.name !== claim.metadata?.name || ref?.namespace !== claim.metadata?.namespace) return false;
  return !ref?.uid || ref.uid === claim.metadata?.uid;
}

/**
 * The volume for a claim of a pod on this node: the one reserved for it, else the smallest available one that
 * satisfies it. `taken` are those promised to the pod's other claims.
 */
export function findVolume(
  claim: V1PersistentVolumeClaim,
  volumes: readonly V1PersistentVolume[],
  node: V1Node,
  taken: ReadonlySet<string>,
): V1PersistentVolume | undefined {
  const wanted = sizeOfClaim(claim);
  const selector = claim.spec?.selector ? labelSelectorAsSelector(claim.spec.selector) : undefined;
  let best: V1PersistentVolume | undefined;
  for (const volume of volumes) {
    const { metadata, spec, status } = volume;
    if (taken.has(metadata?.name ?? '') || metadata?.deletionTimestamp) continue;
    const reserved = isReservedFor(volume, claim);
    if (spec?.claimRef && !reserved) continue;
    if (sizeOfVolume(volume) < wanted) continue;
    if ((spec?.volumeMode ?? 'Filesystem') !== (claim.spec?.volumeMode ?? 'Filesystem')) continue;
    if ((spec?.volumeAttributesClassName ?? '') !== (claim.spec?.volumeAttributesClassName ?? '')) continue;
    const reachable = isReachable(volume, node);
    if (reserved) return reachable ? volume : undefined;
    if (status?.phase !== 'Available' || !reachable) continue;
    if (selector && !selector.matches(metadata?.labels ?? {})) continue;
    if (storageClassOf(volume) !== storageClassOf(claim)) continue;
    const modes = spec?.accessModes ?? [];
    if (!(claim.spec?.accessModes ?? []).every((mode) => modes.includes(mode))) continue;
    if (!best || sizeOfVolume(volume) < sizeOfVolume(best)) best = volume;
  }
  return best;
}

/** Whether a class's allowedTopologies allow the node; no terms allow all. */
export function topologyAllows(terms: readonly V1TopologySelectorTerm[] | undefined, node: V1Node): boolean {
  if (!terms || terms.length === 0) return true;
  const labels = node.metadata?.labels ?? {};
  return terms.some((term) => {
    const expressions = term.matchLabelExpressions ?? [];
    return expressions.length > 0 && expressions.every((e) => e.values.includes(labels[e.key] ?? ''));
  });
}
