import { readdir, readFile } from 'node:fs/promises';
import { isIP } from 'node:net';
import { join } from 'node:path';
import type { NetworkConfigList } from './types.js';

/** An interface of a container for which something is reserved. */
export interface Reservation {
  containerId: string;
  ifName: string;
}

/**
 * What the `host-local` plugin has reserved: a file an address in `<dataDir>/<network>`, with the container's id and the
 * interface in it. Only directories that a configuration names: the default one may be shared with others.
 */
export async function hostLocalReservations(lists: NetworkConfigList[]): Promise<Reservation[]> {
  const found: Reservation[] = [];
  for (const dir of new Set(lists.flatMap(directories))) {
    for (const file of await filesIn(dir)) {
      // Beside the addresses there are a lock and the last address given.
      if (isIP(file) === 0) continue;
      const text = await contentOf(join(dir, file));
      const [containerId = '', ifName = 'eth0'] = text.split(/\r?\n/).map((line) => line.trim());
      if (containerId !== '') found.push({ containerId, ifName: ifName || 'eth0' });
    }
  }
  return found;
}

function directories(list: NetworkConfigList): string[] {
  return list.plugins.flatMap(({ ipam }) => {
    const { type, dataDir } = (ipam ?? {}) as { type?: unknown; dataDir?: unknown };
    return type === 'host-local' && typeof dataDir === 'string' ? [join(dataDir, list.name)] : [];
  });
}

async function filesIn(dir: string): Promise<string[]> {
  try {
    return await readdir(dir);
  } catch (e) {
    if ((e as NodeJS.ErrnoException).code === 'ENOENT') return [];
    throw e;
  }
}

/** Empty for a file that is gone meanwhile. */
async function contentOf(path: string): Promise<string> {
  try {
    return await readFile(path, 'utf8');
  } catch (e) {
    if ((e as NodeJS.ErrnoException).code === 'ENOENT') return '';
    throw e;
  }
}
