import type { V1ObjectReference } from '@kubelab/api';
import { labelSelectorAsSelector, Quantity } from '@kubelab/apimachinery';
import type { Node, PersistentVolume, PersistentVolumeClaim } from '../framework/kinds.js';
import { matchesTerm } from '../framework/node-affinity.js';

const betaClass = 'volume.beta.kubernetes.io/storage-class';

/** The storage class of a claim or volume: the old annotation wins over the field. */
export function classOf(object: PersistentVolume | PersistentVolumeClaim): string {
  return object.metadata.annotations?.[betaClass] ?? object.spec.storageClassName ?? '';
}

/** Whether the reference names this claim; one without UID was written by a user before the claim existed. */
export function refersTo(reference: V1ObjectReference | undefined, claim: PersistentVolumeClaim): boolean {
  if (reference?.name !== claim.metadata.name || reference.namespace !== claim.metadata.namespace) return false;
  return !reference.uid || reference.uid === claim.metadata.uid;
}

const sizeOf = (quantity: string | undefined): Quantity => Quantity.parse(quantity ?? '0');

/** Whether the volume can serve the claim: class, size, modes and labels. */
export function satisfies(volume: PersistentVolume, claim: PersistentVolumeClaim): boolean {
  if (volume.metadata.deletionTimestamp || classOf(volume) !== classOf(claim)) return false;
  if ((volume.spec.volumeMode ?? 'Filesystem') !== (claim.spec.volumeMode ?? 'Filesystem')) return false;
  if ((volume.spec.volumeAttributesClassName ?? '') !== (claim.spec.volumeAttributesClassName ?? '')) return false;
  const offered = new Set(volume.spec.accessModes);
  if (!(claim.spec.accessModes ?? []).every((mode) => offered.has(mode))) return false;
  return sizeOf(volume.spec.capacity?.storage).cmp(sizeOf(claim.spec.resources?.requests?.storage)) >= 0;
}

/**
 * The best volume for a claim: one that is reserved for it, else the smallest free one that satisfies it. With a node
 * (a claim that waited for its first consumer) only volumes that the node can reach.
 */
export function findBestMatch(
  claim: PersistentVolumeClaim,
  volumes: PersistentVolume[],
  node: Node | undefined,
): PersistentVolume | undefined {
  const reserved = volumes.find((volume) => volume.spec.claimRef && refersTo(volume.spec.claimRef, claim));
  if (reserved && satisfies(reserved, claim)) return reserved;
  const selector = claim.spec.selector ? labelSelectorAsSelector(claim.spec.selector) : undefined;
  const free = volumes.filter(
    (volume) =>
      !volume.spec.claimRef &&
      volume.status?.phase === 'Available' &&
      (!selector || selector.matches(volume.metadata.labels)) &&
      (!node || isReachable(volume, node)) &&
      satisfies(volume, claim),
  );
  return free.sort(
    (a, b) =>
      sizeOf(a.spec.capacity?.storage).cmp(sizeOf(b.spec.capacity?.storage)) ||
      (a.metadata.name < b.metadata.name ? -1 : 1),
  )[0];
}

function isReachable(volume: PersistentVolume, node: Node): boolean {
  const required = volume.spec.nodeAffinity?.required;
  return !required || required.nodeSelectorTerms.some((term) => matchesTerm(term, node));
}
