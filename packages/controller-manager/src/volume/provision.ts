import { rmSync } from 'node:fs';
import { join } from 'node:path';
import type { V1PersistentVolume } from '@kubelab/api';
import type { PersistentVolumeClaim, StorageClass } from '../framework/kinds.js';
import { boundByController, provisionedBy, selectedNode } from './annotations.js';
import { classOf } from './match.js';

/** The provisioner built in: directories on the node where the pod runs. Other names are left to external ones. */
export const hostPathProvisioner = 'kubernetes.io/host-path';

export const volumeNameFor = (claim: PersistentVolumeClaim): string => `pvc-${claim.metadata.uid}`;

/** A directory volume for the claim, on the selected node if the claim waited for one, else on any. */
export function hostPathVolume(
  claim: PersistentVolumeClaim,
  storageClass: StorageClass,
  baseDir: string,
): V1PersistentVolume {
  const name = volumeNameFor(claim);
  const node = claim.metadata.annotations?.[selectedNode];
  return {
    apiVersion: 'v1',
    kind: 'PersistentVolume',
    metadata: { name, annotations: { [provisionedBy]: hostPathProvisioner, [boundByController]: 'yes' } },
    spec: {
      capacity: { storage: claim.spec.resources?.requests?.storage ?? '1Gi' },
      accessModes: claim.spec.accessModes,
      volumeMode: claim.spec.volumeMode ?? 'Filesystem',
      persistentVolumeReclaimPolicy: storageClass.reclaimPolicy ?? 'Delete',
      storageClassName: classOf(claim),
      mountOptions: storageClass.mountOptions,
      hostPath: { path: join(baseDir, name), type: 'DirectoryOrCreate' },
      claimRef: {
        apiVersion: 'v1',
        kind: 'PersistentVolumeClaim',
        namespace: claim.metadata.namespace,
        name: claim.metadata.name,
        uid: claim.metadata.uid,
        resourceVersion: claim.metadata.resourceVersion,
      },
      ...(node && {
        nodeAffinity: {
          required: {
            nodeSelectorTerms: [
              { matchExpressions: [{ key: 'kubernetes.io/hostname', operator: 'In', values: [node] }] },
            ],
          },
        },
      }),
    },
  };
}

/**
 * Deletes a provisioned volume's directory where it is on this machine (always so in a lab); on another machine the
 * directory stays. Throws for a path that this provisioner cannot have made.
 */
export function deleteHostPath(volume: V1PersistentVolume, baseDir: string): void {
  const name = volume.metadata?.name ?? '';
  const path = volume.spec?.hostPath?.path;
  if (!/^pvc-[0-9a-f-]+$/.test(name) || path !== join(baseDir, name)) {
    throw new Error(`host_path deleter only supports ${join(baseDir, 'pvc-UID')} but received provided ${path}`);
  }
  rmSync(path, { recursive: true, force: true });
}
