import { mkdir, readdir, readFile, rename, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { CniResult } from '@kubelab/cni';

/**
 * The addresses of sandboxes, as CNI gave them. Kept apart from CNI's own cache, which can be read only while the
 * network's configuration is there and is still the same one: a pod must not count as broken because that is being
 * rewritten.
 */
export class NetworkResults {
  readonly #dir: string;
  readonly #known = new Map<string, CniResult>();

  constructor(stateDir: string) {
    this.#dir = join(stateDir, 'networks');
  }

  async save(sandboxId: string, result: CniResult): Promise<void> {
    await mkdir(this.#dir, { recursive: true });
    const file = this.#file(sandboxId);
    // Renamed into place: a reader, or a restart, sees all of it or nothing.
    await writeFile(`${file}.new`, JSON.stringify(result));
    await rename(`${file}.new`, file);
    this.#known.set(sandboxId, result);
  }

  /** The result of a sandbox; undefined when its network was never set up, or is gone. */
  async read(sandboxId: string): Promise<CniResult | undefined> {
    const known = this.#known.get(sandboxId);
    if (known) return known;
    try {
      const result = JSON.parse(await readFile(this.#file(sandboxId), 'utf8')) as CniResult;
      this.#known.set(sandboxId, result);
      return result;
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined;
      throw error;
    }
  }

  /** The sandboxes with a result. */
  async ids(): Promise<string[]> {
    await mkdir(this.#dir, { recursive: true });
    const files = await readdir(this.#dir);
    return files.filter((file) => file.endsWith('.json')).map((file) => file.slice(0, -'.json'.length));
  }

  async remove(sandboxId: string): Promise<void> {
    this.#known.delete(sandboxId);
    await rm(this.#file(sandboxId), { force: true });
  }

  #file(sandboxId: string): string {
    return join(this.#dir, `${sandboxId}.json`);
  }
}
