import { type FSWatcher, watch } from 'node:fs';
import { type FileHandle, mkdir, open, stat, truncate } from 'node:fs/promises';
import { basename, dirname } from 'node:path';
import { CheckpointFile } from './checkpoint.js';
import { toCriLine } from './convert.js';
import { LogSource, type SourcePosition } from './source.js';

export interface FollowerOptions {
  /** Docker's log file of the container. */
  source: string;
  maxSourceFiles: number;
  /** The CRI log file. */
  target: string;
  checkpoint: string;
  onError(error: unknown): void;
  onGap(): void;
}

/** A full disk or a missing folder may mend itself. */
const retryMs = 1_000;

/**
 * Writes one container's CRI log from Docker's log of it, as it grows. Lines are written once: behind each batch a
 * checkpoint says how far both files are, and what a crash left beyond it in the CRI log is cut off at the next start.
 */
export class LogFollower {
  readonly #source: LogSource;
  readonly #checkpoint: CheckpointFile;
  #position: SourcePosition | null = null;
  #target: FileHandle | undefined;
  #watcher: FSWatcher | undefined;
  #retry: NodeJS.Timeout | undefined;
  /** Pumps and reopens happen one after the other. */
  #work: Promise<void> = Promise.resolve();
  #queued = false;
  #closed = false;

  constructor(private readonly o: FollowerOptions) {
    this.#source = new LogSource(o.source, o.maxSourceFiles, o.onGap);
    this.#checkpoint = new CheckpointFile(o.checkpoint);
  }

  /** Opens the CRI log (making it and its folder) and follows Docker's log from where it had come to. */
  start(): Promise<void> {
    return this.#enqueue(async () => {
      await mkdir(dirname(this.o.target), { recursive: true });
      const checkpoint = await this.#checkpoint.read();
      if (checkpoint) await this.#cutBack(checkpoint.target);
      this.#target = await open(this.o.target, 'a', 0o640);
      this.#position = checkpoint?.source ?? null;
      // Before the first line: without it, what a crash leaves of the first batch would be kept and written again.
      if (!checkpoint) await this.#save(null);
      await this.#source.seek(this.#position);
      const name = basename(this.o.source);
      this.#watcher = watch(dirname(this.o.source), (_event, file) => {
        if (file?.startsWith(name)) this.#pumpSoon();
      });
      this.#watcher.on('error', (error) => this.o.onError(error));
      this.#pumpSoon();
    });
  }

  /** Writes what Docker has logged up to now. */
  drain(): Promise<void> {
    return this.#enqueue(() => this.#pump());
  }

  /** Goes on in a new file at the log's path, after the old one was renamed. */
  reopen(): Promise<void> {
    return this.#enqueue(async () => {
      const next = await open(this.o.target, 'a', 0o640);
      await this.#target?.close();
      this.#target = next;
      await this.#save(this.#position);
    });
  }

  /** Stops following. The checkpoint stays, for a start later on. */
  close(): Promise<void> {
    this.#watcher?.close();
    this.#closed = true;
    clearTimeout(this.#retry);
    return this.#enqueue(async () => {
      await this.#source.close();
      await this.#target?.close();
      this.#target = undefined;
      await this.#checkpoint.close();
    });
  }

  #pumpSoon(): void {
    if (this.#queued || this.#closed) return;
    this.#queued = true;
    this.#enqueue(async () => {
      this.#queued = false;
      if (!this.#closed) await this.#pump();
    }).catch((error: unknown) => {
      this.o.onError(error);
      this.#retry = setTimeout(() => this.#pumpSoon(), retryMs);
      this.#retry.unref();
    });
  }

  async #pump(): Promise<void> {
    for (;;) {
      const batch = await this.#source.read();
      if (!batch || !this.#target) return;
      let text = '';
      for (const line of batch.lines.toString('utf8').split('\n')) {
        if (line !== '') text += toCriLine(line) ?? '';
      }
      await this.#writeAll(Buffer.from(text));
      await this.#save(batch.position);
    }
  }

  /** A batch that has been read must be written before anything else: a full disk holds everything up here. */
  async #writeAll(bytes: Buffer): Promise<void> {
    for (let at = 0; at < bytes.length; ) {
      try {
        at += (await this.#requireTarget().write(bytes, at)).bytesWritten;
      } catch (error) {
        if (this.#closed || (error as NodeJS.ErrnoException).code !== 'ENOSPC') throw error;
        this.o.onError(error);
        await new Promise((resolve) => setTimeout(resolve, retryMs));
      }
    }
  }

  async #save(position: SourcePosition | null): Promise<void> {
    this.#position = position;
    const { ino, size } = await this.#requireTarget().stat();
    await this.#checkpoint.write({ source: position, target: { ino, size } });
  }

  #requireTarget(): FileHandle {
    if (!this.#target) throw new Error(`log ${this.o.target} is closed`);
    return this.#target;
  }

  async #cutBack(saved: { ino: number; size: number }): Promise<void> {
    try {
      const { ino, size } = await stat(this.o.target);
      if (ino === saved.ino && size > saved.size) await truncate(this.o.target, saved.size);
    } catch (error) {
      // Rotated or removed while the shim was away: a new file is begun.
      if ((error as NodeJS.ErrnoException).code !== 'ENOENT') throw error;
    }
  }

  #enqueue(job: () => Promise<void>): Promise<void> {
    const done = this.#work.then(job);
    this.#work = done.catch(() => undefined);
    return done;
  }
}
