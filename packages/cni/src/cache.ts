import { createHash } from 'node:crypto';
import { existsSync } from 'node:fs';
import { mkdir, readdir, readFile, rename, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { NetworkConfigList } from './types.js';

/** What ADD leaves for CHECK and DEL. The kind is libcni's, so its tools recognise the files. */
export interface CachedAttachment {
  kind: 'cniCacheV1';
  containerId: string;
  networkName: string;
  ifName: string;
  /** The configuration the attachment was made with: DEL runs these plugins even if the file changed since. */
  config: NetworkConfigList;
  cniArgs: Record<string, string>;
  capabilityArgs: Record<string, unknown>;
  netns: string;
  /** As the last plugin printed it, in the configuration's version. Absent while ADD is under way. */
  result?: unknown;
}

/** Files `<cacheDir>/results/<network>-<container>-<interface>`, written atomically. */
export class ResultCache {
  private readonly dir: string;

  constructor(cacheDir: string) {
    this.dir = join(cacheDir, 'results');
  }

  private path(network: string, containerId: string, ifName: string): string {
    const name = `${network}-${containerId}-${ifName}`;
    // Container ids come from outside; one that could leave the directory or overrun a file name is hashed.
    const safe = /^[\w.-]{1,200}$/.test(name) && !name.startsWith('.');
    return join(this.dir, safe ? name : createHash('sha256').update(name).digest('hex'));
  }

  async write(entry: CachedAttachment): Promise<void> {
    await mkdir(this.dir, { recursive: true, mode: 0o700 });
    const path = this.path(entry.networkName, entry.containerId, entry.ifName);
    const temporary = `${path}.${process.pid}.tmp`;
    await writeFile(temporary, JSON.stringify(entry), { mode: 0o600 });
    await rename(temporary, path);
  }

  /** The entry, or undefined if there is none or it can't be read as one (DEL must go on without it). */
  async read(network: string, containerId: string, ifName: string): Promise<CachedAttachment | undefined> {
    return this.readFile(this.path(network, containerId, ifName));
  }

  private async readFile(path: string): Promise<CachedAttachment | undefined> {
    let text: string;
    try {
      text = await readFile(path, 'utf8');
    } catch (e) {
      if ((e as NodeJS.ErrnoException).code === 'ENOENT') return undefined;
      throw e;
    }
    try {
      const entry = JSON.parse(text) as CachedAttachment;
      return entry.kind === 'cniCacheV1' && Array.isArray(entry.config?.plugins) ? entry : undefined;
    } catch {
      return undefined;
    }
  }

  /** The container's entry for an interface in whatever network, for a DEL after the network was renamed or removed. */
  async find(containerId: string, ifName: string, exceptNetwork: string): Promise<CachedAttachment | undefined> {
    const suffix = `-${containerId}-${ifName}`;
    for (const name of await this.names()) {
      const network = name.endsWith(suffix) ? name.slice(0, -suffix.length) : '';
      const entry = network && network !== exceptNetwork ? await this.read(network, containerId, ifName) : undefined;
      if (entry) return entry;
    }
    return undefined;
  }

  /** Removes what processes that were killed had begun to write. */
  async removeAbandoned(): Promise<void> {
    for (const name of await this.names()) {
      const writer = /\.(\d+)\.tmp$/.exec(name)?.[1];
      if (writer === undefined || Number(writer) === process.pid || existsSync(`/proc/${writer}`)) continue;
      await rm(join(this.dir, name), { force: true });
    }
  }

  /** All entries that can be read. */
  async list(): Promise<CachedAttachment[]> {
    const names = await this.names();
    const entries = await Promise.all(
      names.filter((n) => !n.endsWith('.tmp')).map((n) => this.readFile(join(this.dir, n))),
    );
    return entries.filter((e) => e !== undefined);
  }

  private async names(): Promise<string[]> {
    try {
      return await readdir(this.dir);
    } catch (e) {
      if ((e as NodeJS.ErrnoException).code === 'ENOENT') return [];
      throw e;
    }
  }

  async remove(network: string, containerId: string, ifName: string): Promise<void> {
    await rm(this.path(network, containerId, ifName), { force: true });
  }
}
