import { type FSWatcher, watch } from 'node:fs';
import { mkdir, readdir, readFile, stat } from 'node:fs/promises';
import { join } from 'node:path';
import type { Logger } from '@kubelab/component-base';
import type { Pod } from '../pod/types.js';
import { parseManifest } from './static-pod.js';

/** The pods of a source as they are now; told again when they change. */
export type OnPods = (pods: Pod[]) => void;

export interface FileSourceOptions {
  /** A manifest file, or a folder of them. */
  path: string;
  nodeName: string;
  /** How often the folder is read even when no change was seen; --file-check-frequency. */
  checkMs: number;
  logger: Logger;
}

/** Editors write in several steps: changes are collected this long. */
const settleMs = 100;

/** Static pods from files. Hidden files are left out; a file that can't be parsed does not hide the others. */
export class FileSource {
  private watcher: FSWatcher | undefined;
  private timer: NodeJS.Timeout | undefined;
  private settle: NodeJS.Timeout | undefined;

  constructor(
    private readonly options: FileSourceOptions,
    private readonly onPods: OnPods,
  ) {}

  async start(): Promise<void> {
    await mkdir(this.options.path, { recursive: true }).catch((error: NodeJS.ErrnoException) => {
      if (error.code !== 'EEXIST') throw error;
    });
    this.watcher = watch(this.options.path, () => {
      clearTimeout(this.settle);
      this.settle = setTimeout(() => this.readLogged(), settleMs);
    });
    this.timer = setInterval(() => this.readLogged(), this.options.checkMs);
    this.timer.unref();
    await this.read();
  }

  stop(): void {
    this.watcher?.close();
    clearInterval(this.timer);
    clearTimeout(this.settle);
  }

  private readLogged(): void {
    this.read().catch((error) => this.options.logger.error('Static pods could not be read', { error }));
  }

  private async read(): Promise<void> {
    const pods: Pod[] = [];
    for (const file of await this.files()) {
      try {
        pods.push(...parseManifest(await readFile(file, 'utf8'), 'file', file, this.options.nodeName));
      } catch (error) {
        this.options.logger.error("Can't process manifest file", { file, error });
      }
    }
    this.onPods(pods);
  }

  private async files(): Promise<string[]> {
    const { path } = this.options;
    if ((await stat(path)).isFile()) return [path];
    const entries = await readdir(path, { withFileTypes: true });
    return entries
      .filter((entry) => !entry.name.startsWith('.') && !entry.isDirectory())
      .map((entry) => join(path, entry.name))
      .sort();
  }
}
