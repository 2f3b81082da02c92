import type { V1OwnerReference, V1PersistentVolumeClaim } from '@kubelab/api';
import { isAlreadyExists, isNotFound, semanticEqual } from '@kubelab/apimachinery';
import { type Client, type EventRecorder, gvr, type Lister, type ResourceClient } from '@kubelab/client';
import type { PersistentVolumeClaim, Pod, StatefulSet } from '../framework/kinds.js';
import { messageOf } from '../framework/pod-control.js';
import { claimsFor, ordinalOf } from './pod.js';

/** Keeps the claims of the set's pods, and their owners as the retention policy asks (StatefulSetAutoDeletePVC). */
export class ClaimControl {
  private readonly claims: ResourceClient<V1PersistentVolumeClaim>;

  constructor(
    client: Client,
    private readonly lister: Lister<PersistentVolumeClaim>,
    private readonly recorder: EventRecorder,
  ) {
    this.claims = client.resource<V1PersistentVolumeClaim>(gvr.persistentvolumeclaims);
  }

  /** Creates the claims that are missing. Throws when one is just being deleted: the pod would be bound to a ghost. */
  async ensure(set: StatefulSet, ordinal: number): Promise<void> {
    for (const claim of claimsFor(set, ordinal).values()) {
      const name = claim.metadata?.name ?? '';
      const existing = this.lister.get(set.metadata.namespace, name);
      if (existing?.metadata.deletionTimestamp) throw new Error(`pvc ${name} is being deleted`);
      if (existing) continue;
      const subject = `Claim ${name} Pod ${set.metadata.name}-${ordinal} in StatefulSet ${set.metadata.name}`;
      try {
        await this.claims.namespace(set.metadata.namespace).create(claim);
        this.recorder.event(set, 'Normal', 'SuccessfulCreate', `create ${subject} success`);
      } catch (error) {
        if (isAlreadyExists(error)) continue;
        this.recorder.event(set, 'Warning', 'FailedCreate', `create ${subject} failed error: ${messageOf(error)}`);
        throw error;
      }
    }
  }

  /** Whether a claim still belongs to a former pod of the same name, with which it is about to go. */
  isStale(set: StatefulSet, ordinal: number, pod: Pod | undefined): boolean {
    if (set.spec.persistentVolumeClaimRetentionPolicy?.whenScaled !== 'Delete') return false;
    return [...claimsFor(set, ordinal).values()].some((claim) => {
      const existing = this.lister.get(set.metadata.namespace, claim.metadata?.name ?? '');
      return existing?.metadata.ownerReferences?.some(
        (owner) => owner.kind === 'Pod' && owner.uid !== pod?.metadata.uid,
      );
    });
  }

  /** Makes the set, the pod or neither own the claims. `condemned` pods are going away by scaling down. */
  async syncOwners(set: StatefulSet, pod: Pod, condemned: boolean): Promise<void> {
    for (const claim of claimsFor(set, ordinalOf(pod)).values()) {
      const existing = this.lister.get(set.metadata.namespace, claim.metadata?.name ?? '');
      if (!existing) continue;
      const owners = wantedOwners(set, pod, condemned, existing.metadata.ownerReferences ?? []);
      if (semanticEqual(existing.metadata.ownerReferences ?? [], owners)) continue;
      const next = { ...existing, metadata: { ...existing.metadata, ownerReferences: owners } };
      try {
        await this.claims.namespace(set.metadata.namespace).update(next);
      } catch (error) {
        if (!isNotFound(error)) throw error;
      }
    }
  }
}

/** Who should own a claim; owners that are not the set's business stay. */
export function wantedOwners(
  set: StatefulSet,
  pod: Pod,
  condemned: boolean,
  current: V1OwnerReference[],
): V1OwnerReference[] {
  const policy = set.spec.persistentVolumeClaimRetentionPolicy;
  const others = current.filter((owner) => owner.uid !== set.metadata.uid && owner.uid !== pod.metadata.uid);
  const reference = (object: StatefulSet | Pod): V1OwnerReference => ({
    apiVersion: object.apiVersion,
    kind: object.kind,
    name: object.metadata.name,
    uid: object.metadata.uid,
    controller: object === set,
  });
  if (policy?.whenScaled === 'Delete' && condemned) return [...others, reference(pod)];
  return policy?.whenDeleted === 'Delete' ? [...others, reference(set)] : others;
}
