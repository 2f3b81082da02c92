import type {
  V1DownwardAPIVolumeFile,
  V1PersistentVolume,
  V1PersistentVolumeClaim,
  V1PersistentVolumeClaimSpec,
  V1Volume,
} from '../generated/types.js';
import { pullPolicyOf } from './podspec.js';

const FILE_MODE = 0o644;

function downwardItems(items: V1DownwardAPIVolumeFile[] | undefined): void {
  for (const item of items ?? []) {
    if (item.fieldRef) item.fieldRef.apiVersion ||= 'v1';
    if (item.resourceFieldRef) item.resourceFieldRef.divisor ??= '0';
  }
}

/** Defaults of sources that pods' volumes and persistent volumes share. */
function setSourceDefaults(v: V1Volume | NonNullable<V1PersistentVolume['spec']>): void {
  if (v.hostPath) v.hostPath.type ??= '';
  if (v.iscsi) v.iscsi.iscsiInterface ||= 'default';
  if (v.rbd) {
    v.rbd.pool ||= 'rbd';
    v.rbd.user ||= 'admin';
    v.rbd.keyring ||= '/etc/ceph/keyring';
  }
  if (v.azureDisk) {
    v.azureDisk.cachingMode ??= 'ReadWrite';
    v.azureDisk.kind ??= 'Shared';
    v.azureDisk.fsType ??= 'ext4';
    v.azureDisk.readOnly ??= false;
  }
  if (v.scaleIO) {
    v.scaleIO.storageMode ||= 'ThinProvisioned';
    v.scaleIO.fsType ||= 'xfs';
  }
}

/** Defaults of one volume of a pod; a volume without a source is an emptyDir. */
export function setVolumeDefaults(v: V1Volume): void {
  if (Object.keys(v).every((k) => k === 'name')) v.emptyDir = {};
  if (v.secret) v.secret.defaultMode ??= FILE_MODE;
  if (v.configMap) v.configMap.defaultMode ??= FILE_MODE;
  if (v.downwardAPI) {
    v.downwardAPI.defaultMode ??= FILE_MODE;
    downwardItems(v.downwardAPI.items);
  }
  if (v.projected) {
    v.projected.defaultMode ??= FILE_MODE;
    for (const source of v.projected.sources ?? []) {
      downwardItems(source.downwardAPI?.items);
      if (source.serviceAccountToken) source.serviceAccountToken.expirationSeconds ??= 3600;
    }
  }
  if (v.ephemeral?.volumeClaimTemplate) setClaimSpecDefaults(v.ephemeral.volumeClaimTemplate.spec);
  if (v.image) v.image.pullPolicy ||= pullPolicyOf(v.image.reference ?? '');
  setSourceDefaults(v);
}

function setClaimSpecDefaults(spec: V1PersistentVolumeClaimSpec | undefined): void {
  if (!spec) return;
  spec.volumeMode ??= 'Filesystem';
  // dataSource and dataSourceRef say the same where both can.
  if (spec.dataSource && !spec.dataSourceRef) spec.dataSourceRef = { ...spec.dataSource };
  else if (spec.dataSourceRef && !spec.dataSource && !spec.dataSourceRef.namespace) {
    const { namespace: _namespace, ...reference } = spec.dataSourceRef;
    spec.dataSource = reference;
  }
}

/** Defaults of a claim. */
export function setPersistentVolumeClaimDefaults(claim: V1PersistentVolumeClaim): void {
  claim.spec ??= {};
  setClaimSpecDefaults(claim.spec);
  claim.status ??= {};
  claim.status.phase ||= 'Pending';
}

/** Defaults of a persistent volume. */
export function setPersistentVolumeDefaults(volume: V1PersistentVolume): void {
  volume.spec ??= {};
  volume.status ??= {};
  volume.status.phase ||= 'Pending';
  volume.spec.persistentVolumeReclaimPolicy ||= 'Retain';
  volume.spec.volumeMode ??= 'Filesystem';
  setSourceDefaults(volume.spec);
}
