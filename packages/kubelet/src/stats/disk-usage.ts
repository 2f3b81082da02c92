import { lstat, readdir } from 'node:fs/promises';
import { join } from 'node:path';

export interface DiskUsage {
  bytes: number;
  inodes: number;
}

/** Bytes and inodes of a tree on one file system, hard links counted once. What vanishes meanwhile is left out. */
export async function diskUsage(root: string): Promise<DiskUsage> {
  const seen = new Set<number>();
  const total: DiskUsage = { bytes: 0, inodes: 0 };
  let device: number | undefined;
  const visit = async (path: string): Promise<void> => {
    const stat = await lstat(path).catch(ignoreMissing);
    if (!stat) return;
    device ??= stat.dev;
    if (stat.dev !== device) return;
    if (stat.nlink > 1 && !stat.isDirectory()) {
      if (seen.has(stat.ino)) return;
      seen.add(stat.ino);
    }
    total.bytes += stat.blocks * 512;
    total.inodes++;
    if (!stat.isDirectory()) return;
    for (const name of (await readdir(path).catch(ignoreMissing)) ?? []) await visit(join(path, name));
  };
  await visit(root);
  return total;
}

function ignoreMissing(error: NodeJS.ErrnoException): undefined {
  if (error.code === 'ENOENT' || error.code === 'ENOTDIR' || error.code === 'EACCES') return undefined;
  throw error;
}
