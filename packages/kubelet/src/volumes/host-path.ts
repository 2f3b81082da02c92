import { mkdir, open, stat } from 'node:fs/promises';
import { dirname } from 'node:path';
import type { VolumePlugin } from './types.js';

/** Checks, or makes, a host path by its type. Throws the kubelet's messages. */
export async function checkHostPath(path: string, type: string | undefined): Promise<void> {
  if (!type) return;
  if (type === 'DirectoryOrCreate') {
    await mkdir(path, { recursive: true, mode: 0o755 });
  } else if (type === 'FileOrCreate') {
    const parent = await stat(dirname(path)).catch(() => undefined);
    if (!parent) throw new Error(`hostPath type check failed: ${path} is not a file`);
    const handle = await open(path, 'a', 0o644).catch((cause: Error) => {
      throw new Error(`hostPath type check failed: ${path} is not a file`, { cause });
    });
    await handle.close();
  }
  const found = await stat(path).catch(() => undefined);
  const fits: Record<string, { what: string; ok: boolean | undefined }> = {
    Directory: { what: 'a directory', ok: found?.isDirectory() },
    DirectoryOrCreate: { what: 'a directory', ok: found?.isDirectory() },
    File: { what: 'a file', ok: found?.isFile() },
    FileOrCreate: { what: 'a file', ok: found?.isFile() },
    Socket: { what: 'a socket', ok: found?.isSocket() },
    CharDevice: { what: 'a character device', ok: found?.isCharacterDevice() },
    BlockDevice: { what: 'a block device', ok: found?.isBlockDevice() },
  };
  const check = fits[type];
  if (!check) throw new Error(`hostPath type check failed: unsupported type ${type}`);
  if (!check.ok) throw new Error(`hostPath type check failed: ${path} is not ${check.what}`);
}

/** hostPath: a path of the node, as it is. */
export const hostPath: VolumePlugin = {
  folder: 'kubernetes.io~host-path',
  supports: (volume) => volume.hostPath !== undefined && volume.hostPath !== null,
  async setUp({ volume }) {
    const path = volume.hostPath?.path ?? '';
    if (path.split('/').includes('..')) throw new Error(`invalid path: must not contain '..': ${path}`);
    await checkHostPath(path, volume.hostPath?.type);
    return { hostPath: path, readOnly: false };
  },
};
