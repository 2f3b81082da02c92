import { chmod, mkdir } from 'node:fs/promises';
import { Quantity } from '@kubelab/apimachinery';
import { allLimited, podResources } from '../pod/resources.js';
import type { Pod } from '../pod/types.js';
import { isMountPoint, mount } from './mounts.js';
import { setVolumeOwnership } from './ownership.js';
import type { VolumePlugin } from './types.js';

/** emptyDir: a folder of the pod, or a tmpfs with medium Memory. */
export const emptyDir: VolumePlugin = {
  folder: 'kubernetes.io~empty-dir',
  supports: (volume) => volume.emptyDir !== undefined && volume.emptyDir !== null,
  async setUp({ volume, dir, fields, fsGroup, pod }) {
    const medium = volume.emptyDir?.medium ?? '';
    const created = (await mkdir(dir, { recursive: true, mode: 0o750 })) !== undefined;
    if (medium === 'Memory') {
      if (!(await isMountPoint(dir))) {
        const size = memorySize(pod, volume.emptyDir?.sizeLimit, fields.allocatable.memory);
        await mount({ source: 'tmpfs', target: dir, fsType: 'tmpfs', options: size ? [`size=${size}`] : [] });
        // As the kernel makes the root of a tmpfs: for all, with the sticky bit.
        await prepare(0o1777);
      }
    } else if (medium !== '') {
      throw new Error(`unsupported storage medium ${JSON.stringify(medium)}`);
    } else if (created) {
      await prepare(0o777);
    }
    return { hostPath: dir, readOnly: false };

    async function prepare(mode: number) {
      await chmod(dir, mode);
      if (fsGroup !== undefined) {
        await setVolumeOwnership(dir, fsGroup, pod.spec.securityContext?.fsGroupChangePolicy, false);
      }
    }
  },
};

/**
 * Size of a volume in memory, in bytes: the smallest of its own limit, the pod's memory limit and what the node has for
 * pods (KEP-1967). Undefined when none is known.
 */
function memorySize(pod: Pod, own: string | undefined, allocatable: string | undefined): bigint | undefined {
  const podLimit = allLimited(pod, 'memory') ? podResources(pod, 'limits').get('memory') : undefined;
  const limits = [Quantity.parseOrZero(own), podLimit ?? Quantity.zero, Quantity.parseOrZero(allocatable)];
  const [smallest] = limits.filter((limit) => !limit.isZero()).sort((a, b) => a.cmp(b));
  return smallest?.value();
}
