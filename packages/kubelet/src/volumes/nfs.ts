import { mkdir } from 'node:fs/promises';
import { isMountPoint, mount } from './mounts.js';
import type { VolumePlugin } from './types.js';

export async function mountNfs(
  dir: string,
  source: { server: string; path: string; readOnly?: boolean },
  options: string[],
): Promise<void> {
  await mkdir(dir, { recursive: true, mode: 0o750 });
  if (await isMountPoint(dir)) return;
  const all = source.readOnly ? [...options, 'ro'] : options;
  await mount({ source: `${source.server}:${source.path}`, target: dir, fsType: 'nfs', options: all });
}

/** nfs: an export mounted with the node's mount.nfs. */
export const nfs: VolumePlugin = {
  folder: 'kubernetes.io~nfs',
  supports: (volume) => volume.nfs !== undefined && volume.nfs !== null,
  async setUp({ volume, dir }) {
    if (!volume.nfs) throw new Error('not an nfs volume');
    await mountNfs(dir, volume.nfs, []);
    return { hostPath: dir, readOnly: volume.nfs.readOnly === true };
  },
};
