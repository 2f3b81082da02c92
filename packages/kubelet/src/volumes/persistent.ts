import { mkdir, stat } from 'node:fs/promises';
import type { V1PersistentVolume } from '@kubelab/api';
import { checkHostPath } from './host-path.js';
import { isMountPoint, mount } from './mounts.js';
import { mountNfs } from './nfs.js';
import { setVolumeOwnership } from './ownership.js';
import type { MountedVolume, SetUpContext, VolumePlugin } from './types.js';

/** persistentVolumeClaim and generic ephemeral volumes: the bound volume, of type hostPath, local or nfs. */
export const persistent: VolumePlugin = {
  folder: 'kubernetes.io~persistent',
  supports: (volume) => Boolean(volume.persistentVolumeClaim || volume.ephemeral),
  async setUp(context) {
    const { volume, pod, objects } = context;
    const name = volume.persistentVolumeClaim?.claimName ?? `${pod.metadata.name}-${volume.name}`;
    const claim = await objects.claim(pod.metadata.namespace, name);
    const owner = claim.metadata?.ownerReferences?.find((reference) => reference.controller);
    if (volume.ephemeral && owner?.uid !== pod.metadata.uid) {
      throw new Error(`PVC ${name} was not created for pod ${pod.metadata.name} (pod is not owner)`);
    }
    if (claim.status?.phase !== 'Bound' || !claim.spec?.volumeName) {
      throw new Error(`PVC ${pod.metadata.namespace}/${name} is not bound`);
    }
    const pv = await objects.persistentVolume(claim.spec.volumeName);
    if (pv.spec?.claimRef?.uid !== claim.metadata?.uid) {
      throw new Error(`PV ${pv.metadata?.name} is not bound to PVC ${pod.metadata.namespace}/${name}`);
    }
    const mounted = await mountVolume(context, pv);
    return { ...mounted, readOnly: mounted.readOnly || volume.persistentVolumeClaim?.readOnly === true };
  },
};

async function mountVolume({ dir, fsGroup, pod }: SetUpContext, pv: V1PersistentVolume): Promise<MountedVolume> {
  const spec = pv.spec;
  const policy = pod.spec.securityContext?.fsGroupChangePolicy;
  if (spec?.hostPath) {
    await checkHostPath(spec.hostPath.path, spec.hostPath.type);
    return { hostPath: spec.hostPath.path, readOnly: false };
  }
  if (spec?.nfs) {
    await mountNfs(dir, spec.nfs, spec.mountOptions ?? []);
    return { hostPath: dir, readOnly: spec.nfs.readOnly === true };
  }
  if (spec?.local) {
    await bindLocal(spec.local.path, dir, spec.mountOptions ?? [], spec.local.fsType);
    if (fsGroup !== undefined) await setVolumeOwnership(dir, fsGroup, policy, false);
    return { hostPath: dir, readOnly: false };
  }
  throw new Error(`PV ${pv.metadata?.name}: only hostPath, local and nfs volumes are supported on this node`);
}

/** local: a folder is bound, a block device is mounted. */
async function bindLocal(path: string, dir: string, options: string[], fsType: string | undefined): Promise<void> {
  await mkdir(dir, { recursive: true, mode: 0o750 });
  if (await isMountPoint(dir)) return;
  const found = await stat(path);
  if (found.isBlockDevice()) await mount({ source: path, target: dir, fsType: fsType ?? 'ext4', options });
  else await mount({ source: path, target: dir, options: ['bind', ...options] });
}
