import { lstat, readlink } from 'node:fs/promises';
import { dirname, join } from 'node:path';

/** As many as Linux follows. */
const maxLinks = 40;

/**
 * The path of `subPath` below `root`, links followed as if `root` were `/`, so that none leads out of it. Undefined
 * when there is nothing.
 */
export async function pathBelow(root: string, subPath: string): Promise<string | undefined> {
  const left = parts(subPath);
  let path = '/';
  for (let links = 0; left.length > 0; ) {
    const part = left.shift() as string;
    if (part === '..') {
      path = dirname(path);
      continue;
    }
    const next = join(path, part);
    const found = await lstat(join(root, next)).catch((error: NodeJS.ErrnoException) => {
      if (error.code === 'ENOENT' || error.code === 'ENOTDIR') return undefined;
      throw error;
    });
    if (!found) return undefined;
    if (!found.isSymbolicLink()) {
      path = next;
      continue;
    }
    if (++links > maxLinks) return undefined;
    const target = await readlink(join(root, next));
    if (target.startsWith('/')) path = '/';
    left.unshift(...parts(target));
  }
  return join(root, path);
}

function parts(path: string): string[] {
  return path.split('/').filter((part) => part !== '' && part !== '.');
}
