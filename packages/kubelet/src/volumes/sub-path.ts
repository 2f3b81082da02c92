import { constants } from 'node:fs';
import { chmod, type FileHandle, lstat, mkdir, open, readlink, writeFile } from 'node:fs/promises';
import { dirname } from 'node:path';
import { isMountPoint, mount, unmountAll } from './mounts.js';

/** Linux O_PATH: a handle that only names a place in the tree. Not among Node's constants. */
const oPath = 0o10000000;

/**
 * Binds VOLUME/SUBPATH to `target` without ever following a link out of the volume: each component is opened with
 * O_NOFOLLOW relative to the one before (through /proc/self/fd), missing folders are made on the way, and what was
 * opened is what gets mounted. The same idea as the kubelet's doBindSubPath (CVE-2017-1002101).
 */
export async function bindSubPath(volumePath: string, subPath: string, target: string): Promise<void> {
  if (subPath.startsWith('/') || subPath.split('/').includes('..')) {
    throw new Error(`subPath ${JSON.stringify(subPath)} must be relative and must not contain '..'`);
  }
  let current = await open(volumePath, constants.O_RDONLY | oPath);
  try {
    for (const part of subPath.split('/').filter((name) => name !== '' && name !== '.')) {
      const next = await openChild(current, part, subPath);
      await current.close();
      current = next;
    }
    const stat = await current.stat();
    if (await isMountPoint(target)) {
      const bound = await lstat(target);
      if (bound.dev === stat.dev && bound.ino === stat.ino) return;
      // From an earlier start of the container; the file there has been replaced since, as config maps' are.
      await unmountAll(target);
    }
    await mkdir(dirname(target), { recursive: true, mode: 0o750 });
    if (stat.isDirectory()) await mkdir(target, { recursive: true, mode: 0o750 });
    else await writeFile(target, '', { flag: 'a', mode: 0o640 });
    const source = `/proc/${process.pid}/fd/${current.fd}`;
    await mount({ source, target, options: ['bind'] });
  } finally {
    await current.close();
  }
}

async function openChild(parent: FileHandle, name: string, subPath: string): Promise<FileHandle> {
  const path = `/proc/self/fd/${parent.fd}/${name}`;
  const flags = constants.O_RDONLY | constants.O_NOFOLLOW | oPath;
  const child = await open(path, flags).catch(async (error: NodeJS.ErrnoException) => {
    if (error.code !== 'ENOENT') throw error;
    const { mode } = await parent.stat();
    await mkdir(path, { mode: 0o750 });
    const made = await open(path, flags);
    // A new folder takes its parent's permissions, as the kubelet's does: set apart, as mkdir heeds the umask.
    await chmod(`/proc/self/fd/${made.fd}`, mode & 0o7777);
    return made;
  });
  const stat = await child.stat();
  if (stat.isSymbolicLink()) {
    // Links inside the volume are made by its own writers (config maps); they are resolved inside it only.
    const resolved = await open(path, constants.O_RDONLY | oPath);
    await child.close();
    if (!(await isInside(parent, resolved))) {
      await resolved.close();
      throw new Error(`subPath ${JSON.stringify(subPath)} leads out of the volume`);
    }
    return resolved;
  }
  return child;
}

async function isInside(parent: FileHandle, child: FileHandle): Promise<boolean> {
  const [base, path] = await Promise.all([
    readlink(`/proc/self/fd/${parent.fd}`),
    readlink(`/proc/self/fd/${child.fd}`),
  ]);
  return path === base || path.startsWith(`${base}/`);
}
