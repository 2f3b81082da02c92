import { join } from 'node:path';
import type { V1PersistentVolume } from '@kubelab/api';
import type { Node, PersistentVolumeClaim, StorageClass } from '../framework/kinds.js';
import { boundByController, provisionedBy } from './annotations.js';
import { classOf } from './match.js';

/** The provisioner built in: directories on the node where the pod runs. Other names are left to external ones. */
export const hostPathProvisioner = 'kubernetes.io/host-path';

const hostnameLabel = 'kubernetes.io/hostname';

export const volumeNameFor = (claim: PersistentVolumeClaim): string => `pvc-${claim.metadata.uid}`;

/** A directory volume for the claim on the node of that host name. */
export function hostPathVolume(
  claim: PersistentVolumeClaim,
  storageClass: StorageClass,
  baseDir: string,
  hostname: string,
): V1PersistentVolume {
  const name = volumeNameFor(claim);
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
      nodeAffinity: {
        required: {
          nodeSelectorTerms: [{ matchExpressions: [{ key: hostnameLabel, operator: 'In', values: [hostname] }] }],
        },
      },
    },
  };
}

/** What volumes on the node name it by. */
export const hostnameOf = (node: Node): string => node.metadata.labels?.[hostnameLabel] ?? node.metadata.name;

/** The host name of the node that a provisioned volume is on. */
export function hostnameOfVolume(volume: V1PersistentVolume): string | undefined {
  const terms = volume.spec?.nodeAffinity?.required?.nodeSelectorTerms ?? [];
  const requirements = terms.flatMap(({ matchExpressions }) => matchExpressions ?? []);
  return requirements.find(({ key }) => key === hostnameLabel)?.values?.[0];
}

/** Throws for a volume whose directory this provisioner cannot have made. */
export function checkOwnDirectory(volume: V1PersistentVolume, baseDir: string): void {
  const name = volume.metadata?.name ?? '';
  const path = volume.spec?.hostPath?.path;
  if (!/^pvc-[0-9a-f-]+$/.test(name) || path !== join(baseDir, name)) {
    throw new Error(`host_path deleter only supports ${join(baseDir, 'pvc-UID')} but received provided ${path}`);
  }
}
