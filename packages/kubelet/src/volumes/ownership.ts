import { chmod, lchown, lstat, readdir } from 'node:fs/promises';
import { join } from 'node:path';

/**
 * Gives a volume's files to the pod's fsGroup: group owner, group may do what the owner may, and new files inherit the
 * group (set-group-id on folders). With `OnRootMismatch` nothing is done when the root already fits.
 */
export async function setVolumeOwnership(
  root: string,
  fsGroup: number,
  policy: string | undefined,
  readOnly: boolean,
): Promise<void> {
  if (policy === 'OnRootMismatch') {
    const stat = await lstat(root);
    const wanted = readOnly ? 0o2550 : 0o2770;
    if (stat.gid === fsGroup && (stat.mode & wanted) === wanted) return;
  }
  await own(root, fsGroup, readOnly);
}

async function own(path: string, fsGroup: number, readOnly: boolean): Promise<void> {
  const stat = await lstat(path);
  await lchown(path, stat.uid, fsGroup);
  if (stat.isSymbolicLink()) return;
  const mask = readOnly ? 0o440 : 0o660;
  const mode = stat.isDirectory() ? mask | 0o2110 : mask;
  await chmod(path, (stat.mode & 0o7777) | mode);
  if (stat.isDirectory()) {
    for (const name of await readdir(path)) await own(join(path, name), fsGroup, readOnly);
  }
}
