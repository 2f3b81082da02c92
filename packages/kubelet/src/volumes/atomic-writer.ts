import {
  chmod,
  chown,
  lstat,
  mkdir,
  mkdtemp,
  readdir,
  readFile,
  readlink,
  rename,
  rm,
  symlink,
  writeFile,
} from 'node:fs/promises';
import { dirname, join } from 'node:path';
import type { Payload } from './payload.js';

const dataDir = '..data';

/**
 * Writes a volume's files so that readers see all of a version or none (the kubelet's AtomicWriter): the files go to a
 * timestamped folder, `..data` links to it and is replaced by a rename, and the visible names link through `..data`.
 * Does nothing when the content is already there. Returns whether anything was written.
 */
export async function writeAtomically(target: string, payload: Payload, fsGroup?: number): Promise<boolean> {
  checkPaths(payload);
  await mkdir(target, { recursive: true, mode: 0o755 });
  const oldDir = await currentDir(target);
  if (oldDir && (await sameContent(join(target, oldDir), payload, fsGroup))) return false;
  const stamp = new Date().toISOString().replaceAll('-', '_').replace('T', '_').replaceAll(':', '_').slice(0, 19);
  const newDir = await mkdtemp(join(target, `..${stamp}.`));
  await chmod(newDir, 0o755);
  for (const [path, file] of payload) {
    const full = join(newDir, path);
    await mkdir(dirname(full), { recursive: true, mode: 0o755 });
    await writeFile(full, file.data, { mode: file.mode });
    if (file.uid !== undefined || fsGroup !== undefined) await chown(full, file.uid ?? 0, fsGroup ?? 0);
    // After chown, which clears set-id bits; the umask would cut the mode too.
    await chmod(full, effectiveMode(file.mode, fsGroup));
  }
  const temporary = join(target, '..data_tmp');
  await rm(temporary, { force: true });
  await symlink(newDir.slice(target.length + 1), temporary);
  await rename(temporary, join(target, dataDir));
  await linkVisible(target, payload);
  await removeStale(target, payload);
  if (oldDir) await rm(join(target, oldDir), { recursive: true, force: true });
  return true;
}

/** With an fsGroup the group may read what the owner may. */
function effectiveMode(mode: number, fsGroup: number | undefined): number {
  return fsGroup === undefined ? mode : mode | 0o440;
}

function checkPaths(payload: Payload): void {
  for (const path of payload.keys()) {
    if (path === '' || path.startsWith('/') || path.split('/').includes('..') || path.startsWith('..')) {
      throw new Error(`invalid path: must be relative and must not contain '..': ${JSON.stringify(path)}`);
    }
  }
}

async function currentDir(target: string): Promise<string | undefined> {
  try {
    return await readlink(join(target, dataDir));
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined;
    throw error;
  }
}

async function sameContent(dir: string, payload: Payload, fsGroup: number | undefined): Promise<boolean> {
  const found = await listFiles(dir);
  if (found.length !== payload.size) return false;
  for (const path of found) {
    const file = payload.get(path);
    if (!file) return false;
    const full = join(dir, path);
    const [bytes, stat] = await Promise.all([readFile(full), lstat(full)]);
    if (!bytes.equals(file.data) || (stat.mode & 0o7777) !== effectiveMode(file.mode, fsGroup)) return false;
  }
  return true;
}

async function listFiles(dir: string, prefix = ''): Promise<string[]> {
  const out: string[] = [];
  let entries: import('node:fs').Dirent[];
  try {
    entries = await readdir(join(dir, prefix), { withFileTypes: true });
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return ['\0missing'];
    throw error;
  }
  for (const entry of entries) {
    const path = prefix ? `${prefix}/${entry.name}` : entry.name;
    if (entry.isDirectory()) out.push(...(await listFiles(dir, path)));
    else out.push(path);
  }
  return out;
}

const topName = (path: string) => path.split('/')[0] ?? path;

async function linkVisible(target: string, payload: Payload): Promise<void> {
  for (const name of new Set([...payload.keys()].map(topName))) {
    try {
      await symlink(join(dataDir, name), join(target, name));
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'EEXIST') throw error;
    }
  }
}

async function removeStale(target: string, payload: Payload): Promise<void> {
  const wanted = new Set([...payload.keys()].map(topName));
  for (const name of await readdir(target)) {
    if (!name.startsWith('..') && !wanted.has(name)) await rm(join(target, name), { recursive: true, force: true });
  }
}
