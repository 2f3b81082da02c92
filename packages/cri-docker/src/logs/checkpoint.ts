import { constants, type FileHandle, open, readFile, rm } from 'node:fs/promises';
import type { SourcePosition } from './source.js';

/** How far a log is written: everything before `source` is in `target` up to `size`. */
export interface Checkpoint {
  /** Null before the first line. */
  source: SourcePosition | null;
  target: { ino: number; size: number };
}

/** Records are padded to one size and written in place with one system call, so a reader sees an old or a new one. */
const recordBytes = 256;

/** A checkpoint in a small file. It outlives the shim, not the machine: it is never forced to disk. */
export class CheckpointFile {
  #handle: FileHandle | undefined;

  constructor(private readonly path: string) {}

  /** The last checkpoint; undefined when there is none, or none that can be read. */
  async read(): Promise<Checkpoint | undefined> {
    try {
      return JSON.parse(await readFile(this.path, 'utf8')) as Checkpoint;
    } catch (error) {
      if (error instanceof SyntaxError || (error as NodeJS.ErrnoException).code === 'ENOENT') return undefined;
      throw error;
    }
  }

  async write(checkpoint: Checkpoint): Promise<void> {
    // Neither truncated when it is there, nor written at its end only: no flag of fopen's does that.
    const handle = this.#handle ?? (await open(this.path, constants.O_RDWR | constants.O_CREAT, 0o600));
    this.#handle = handle;
    await handle.write(Buffer.from(JSON.stringify(checkpoint).padEnd(recordBytes)), 0, recordBytes, 0);
  }

  async close(): Promise<void> {
    await this.#handle?.close();
    this.#handle = undefined;
  }

  async remove(): Promise<void> {
    await this.close();
    await rm(this.path, { force: true });
  }
}
