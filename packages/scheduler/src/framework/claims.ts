import type { V1PersistentVolume, V1PersistentVolumeClaim, V1Pod } from '@kubelab/api';

/** A claim that a pod's volume uses. */
export interface ClaimUse {
  name: string;
  /** `namespace/name`. */
  key: string;
  /** Made for this volume by the ephemeral volume controller (KEP-1698). */
  ephemeral: boolean;
}

/** The claims of a pod's volumes; an ephemeral volume's claim is named after the pod and the volume. */
export function claimsOf(pod: V1Pod): ClaimUse[] {
  const volumes = pod.spec?.volumes;
  if (!volumes) return [];
  const { namespace = '', name: podName = '' } = pod.metadata ?? {};
  const out: ClaimUse[] = [];
  for (const v of volumes) {
    const name = v.persistentVolumeClaim?.claimName ?? (v.ephemeral && `${podName}-${v.name}`);
    if (name !== undefined) out.push({ name, key: `${namespace}/${name}`, ephemeral: v.ephemeral !== undefined });
  }
  return out;
}

/** The storage class of a claim or a volume: the old annotation wins over the field. */
export function storageClassOf(object: V1PersistentVolumeClaim | V1PersistentVolume): string {
  return (
    object.metadata?.annotations?.['volume.beta.kubernetes.io/storage-class'] ?? object.spec?.storageClassName ?? ''
  );
}

/** Whether a claim was made by its pod for an ephemeral volume; another's claim of that name must not be used. */
export function isOwnedByPod(claim: V1PersistentVolumeClaim, pod: V1Pod): boolean {
  return claim.metadata?.ownerReferences?.some((r) => r.controller && r.uid === pod.metadata?.uid) ?? false;
}
