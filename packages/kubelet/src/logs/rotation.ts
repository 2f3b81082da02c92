import { createReadStream, createWriteStream } from 'node:fs';
import { readdir, rename, rm, stat } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';
import { pipeline } from 'node:stream/promises';
import { createGzip } from 'node:zlib';
import type { Logger } from '@kubelab/component-base';
import type { CriClient } from '@kubelab/cri';
import { sleep } from '../lifecycle/hooks.js';
import type { RuntimeContainer } from '../runtime/types.js';

export interface LogRotationOptions {
  cri: CriClient;
  logger: Logger;
  maxBytes: number;
  maxFiles: number;
  running(): RuntimeContainer[];
}

const intervalMs = 10_000;

/** Rotates container logs that have grown too large: LOG.TIMESTAMP, older ones compressed, the oldest removed. */
export class LogRotation {
  constructor(private readonly options: LogRotationOptions) {}

  async run(signal: AbortSignal): Promise<void> {
    while (!signal.aborted) {
      await sleep(intervalMs, signal);
      for (const container of signal.aborted ? [] : this.options.running()) {
        try {
          await this.check(container);
        } catch (error) {
          this.options.logger.warn('Container log could not be rotated', { log: container.logPath, error });
        }
      }
    }
  }

  /** Rotates the container's log if it is too large. */
  async check(container: RuntimeContainer): Promise<void> {
    const file = await stat(container.logPath).catch((error: NodeJS.ErrnoException) => {
      if (error.code === 'ENOENT') return undefined;
      throw error;
    });
    if (!file || file.size < this.options.maxBytes) return;
    await this.prune(container.logPath);
    await this.rotate(container);
  }

  private async rotated(path: string): Promise<string[]> {
    const names = await readdir(dirname(path));
    const prefix = `${basename(path)}.`;
    return names.filter((name) => name.startsWith(prefix)).sort();
  }

  /** Removes half-made files and what is beyond the limit, compresses the rest. */
  private async prune(path: string): Promise<void> {
    const dir = dirname(path);
    const names = await this.rotated(path);
    for (const name of names.filter((candidate) => candidate.endsWith('.tmp')))
      await rm(join(dir, name), { force: true });
    const logs = names.filter((name) => !name.endsWith('.tmp'));
    // Two of the files are the current log and the one it is about to become.
    const excess = Math.max(0, logs.length - Math.max(0, this.options.maxFiles - 2));
    for (const name of logs.splice(0, excess)) await rm(join(dir, name), { force: true });
    for (const name of logs.filter((candidate) => !candidate.endsWith('.gz'))) await compress(join(dir, name));
  }

  private async rotate(container: RuntimeContainer): Promise<void> {
    const path = container.logPath;
    const stamp = new Date().toISOString().replaceAll('-', '').replace('T', '-').replaceAll(':', '').slice(0, 15);
    const target = `${path}.${stamp}`;
    await rename(path, target);
    try {
      await this.options.cri.reopenContainerLog({ container_id: container.id });
    } catch (error) {
      // The runtime still writes to the renamed file: it gets its name back.
      await rename(target, path);
      throw error;
    }
  }
}

async function compress(path: string): Promise<void> {
  const temporary = `${path}.tmp`;
  await pipeline(createReadStream(path), createGzip(), createWriteStream(temporary));
  await rename(temporary, `${path}.gz`);
  await rm(path);
}
