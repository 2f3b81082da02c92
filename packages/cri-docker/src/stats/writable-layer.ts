import { lstat, readdir } from 'node:fs/promises';
import { join } from 'node:path';

export interface DiskUsage {
  bytes: number;
  inodes: number;
}

/** Walking a tree costs; the kubelet looks at sizes about every ten seconds. */
const maxAgeMs = 15_000;

/** Sizes of containers' writable layers, measured again when they are asked for and older than that. */
export class LayerSizes {
  readonly #known = new Map<string, { at: number; usage: Promise<DiskUsage> }>();

  of(dir: string): Promise<DiskUsage> {
    const known = this.#known.get(dir);
    if (known && Date.now() - known.at < maxAgeMs) return known.usage;
    const usage = diskUsage(dir);
    this.#known.set(dir, { at: Date.now(), usage });
    return usage;
  }

  forget(dir: string): void {
    this.#known.delete(dir);
  }
}

/** Blocks and inodes of a tree, as du counts them but for hard links. What vanishes meanwhile counts as nothing. */
export async function diskUsage(dir: string): Promise<DiskUsage> {
  const total = { bytes: 0, inodes: 1 };
  const pending = [dir];
  for (let next = pending.pop(); next !== undefined; next = pending.pop()) {
    const here = next;
    const entries = await readdir(here, { withFileTypes: true }).catch(() => []);
    for (const entry of entries) {
      const path = join(here, entry.name);
      const stat = await lstat(path).catch(() => undefined);
      if (!stat) continue;
      total.bytes += stat.blocks * 512;
      total.inodes += 1;
      if (entry.isDirectory()) pending.push(path);
    }
  }
  return total;
}
