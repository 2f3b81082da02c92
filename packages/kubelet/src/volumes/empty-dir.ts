import { chmod, mkdir } from 'node:fs/promises';
import { Quantity } from '@kubelab/apimachinery';
import { isMountPoint, mount } from './mounts.js';
import { setVolumeOwnership } from './ownership.js';
import type { VolumePlugin } from './types.js';

/** emptyDir: a folder of the pod, or a tmpfs with medium Memory. */
export const emptyDir: VolumePlugin = {
  folder: 'kubernetes.io~empty-dir',
  supports: (volume) => volume.emptyDir !== undefined && volume.emptyDir !== null,
  async setUp({ volume, dir, fsGroup, pod }) {
    const medium = volume.emptyDir?.medium ?? '';
    const created = (await mkdir(dir, { recursive: true, mode: 0o750 })) !== undefined;
    if (medium === 'Memory') {
      if (!(await isMountPoint(dir))) {
        const limit = volume.emptyDir?.sizeLimit;
        const size = limit ? [`size=${Quantity.parse(limit).value()}`] : [];
        await mount({ source: 'tmpfs', target: dir, fsType: 'tmpfs', options: size });
        await prepare();
      }
    } else if (medium !== '') {
      throw new Error(`unsupported storage medium ${JSON.stringify(medium)}`);
    } else if (created) {
      await prepare();
    }
    return { hostPath: dir, readOnly: false };

    async function prepare() {
      await chmod(dir, 0o777);
      if (fsGroup !== undefined) {
        await setVolumeOwnership(dir, fsGroup, pod.spec.securityContext?.fsGroupChangePolicy, false);
      }
    }
  },
};
