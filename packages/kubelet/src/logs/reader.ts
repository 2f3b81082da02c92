import { type FSWatcher, watch } from 'node:fs';
import { type FileHandle, open, stat } from 'node:fs/promises';
import { dirname } from 'node:path';
import type { Writable } from 'node:stream';
import { type LogLine, parseLogLine } from './line.js';
import type { LogOptions } from './options.js';
import { tailOffset } from './tail.js';

const chunkBytes = 64 * 1024;
const lineFeed = 0x0a;
/** While following, the container's end is noticed this late at most. */
const idleCheckMs = 500;

export interface FollowControl {
  /** Whether more can come: the container runs. */
  isRunning(): boolean;
  signal: AbortSignal;
}

/**
 * Copies a container log to `out` as the options say. Reads in chunks with back-pressure, so the size of the log does
 * not matter; follows through rotations until the container has ended.
 */
export async function copyLog(path: string, options: LogOptions, out: Writable, control: FollowControl): Promise<void> {
  const sink = new Sink(out, options);
  let file = await open(path, 'r');
  const watcher = options.follow ? new Watcher(dirname(path)) : undefined;
  try {
    const { size } = await file.stat();
    let reader = new Chunks(
      file,
      options.tailLines === undefined ? 0 : await tailOffset(file, size, options.tailLines),
    );
    for (;;) {
      const running = control.isRunning();
      const more = await reader.drain(sink, control.signal);
      if (!more || control.signal.aborted || !watcher) return;
      const next = await rotated(path, file);
      if (next) {
        // What was written to the old file between the last read and its replacement.
        await reader.drain(sink, control.signal);
        await file.close();
        file = next;
        reader = new Chunks(file, 0);
        continue;
      }
      if (!running) return;
      await watcher.wait(idleCheckMs, control.signal);
    }
  } finally {
    watcher?.close();
    await file.close();
  }
}

/** The file that is now at the path, when it is not the opened one any more. */
async function rotated(path: string, file: FileHandle): Promise<FileHandle | undefined> {
  const now = await stat(path).catch(absent);
  const opened = await file.stat();
  return now && now.ino !== opened.ino ? open(path, 'r').catch(absent) : undefined;
}

/** Between the rename and the runtime's reopening there is no file. */
function absent(error: NodeJS.ErrnoException): undefined {
  if (error.code === 'ENOENT') return undefined;
  throw error;
}

/** Filters and writes lines; says when the reader has enough. */
class Sink {
  private left: number;

  constructor(
    private readonly out: Writable,
    private readonly options: LogOptions,
  ) {
    this.left = options.limitBytes ?? Number.POSITIVE_INFINITY;
  }

  /** Resolves with false when nothing more is wanted. */
  async write(lines: LogLine[]): Promise<boolean> {
    const parts: Buffer[] = [];
    for (const line of lines) {
      if (!this.wanted(line)) continue;
      let bytes = this.options.timestamps
        ? Buffer.concat([Buffer.from(`${line.timestamp} `), line.content])
        : line.content;
      if (bytes.length > this.left) bytes = bytes.subarray(0, this.left);
      this.left -= bytes.length;
      parts.push(bytes);
      if (this.left <= 0) break;
    }
    if (this.out.destroyed) return false;
    if (parts.length > 0 && !this.out.write(Buffer.concat(parts))) await drained(this.out);
    return this.left > 0 && !this.out.destroyed;
  }

  private wanted(line: LogLine): boolean {
    const { sinceMs, stream } = this.options;
    if (sinceMs !== undefined && Date.parse(line.timestamp) < sinceMs) return false;
    return stream === 'All' || stream.toLowerCase() === line.stream;
  }
}

function drained(out: Writable): Promise<void> {
  return new Promise((resolve) => {
    const done = () => {
      out.off('drain', done);
      out.off('close', done);
      resolve();
    };
    out.on('drain', done);
    out.on('close', done);
  });
}

/** Reads whole lines from a position on. */
class Chunks {
  private rest: Buffer = Buffer.alloc(0);
  private readonly buffer = Buffer.alloc(chunkBytes);

  constructor(
    private readonly file: FileHandle,
    private position: number,
  ) {}

  /** Passes all complete lines up to the end of the file on; resolves with whether the sink wants more. */
  async drain(sink: Sink, signal: AbortSignal): Promise<boolean> {
    while (!signal.aborted) {
      const { bytesRead } = await this.file.read(this.buffer, 0, chunkBytes, this.position);
      if (bytesRead === 0) return true;
      this.position += bytesRead;
      const text = Buffer.concat([this.rest, this.buffer.subarray(0, bytesRead)]);
      const last = text.lastIndexOf(lineFeed);
      this.rest = Buffer.from(text.subarray(last + 1));
      if (last >= 0 && !(await sink.write(splitLines(text.subarray(0, last + 1))))) return false;
    }
    return false;
  }
}

function splitLines(text: Buffer): LogLine[] {
  const lines: LogLine[] = [];
  let start = 0;
  for (let end = text.indexOf(lineFeed); end >= 0; end = text.indexOf(lineFeed, start)) {
    const line = parseLogLine(text.subarray(start, end));
    if (line) lines.push(line);
    start = end + 1;
  }
  return lines;
}

/** Waits for something to happen in a folder. */
class Watcher {
  private readonly watcher: FSWatcher;
  private changed = false;
  private wake: (() => void) | undefined;

  constructor(dir: string) {
    this.watcher = watch(dir, () => {
      this.changed = true;
      this.wake?.();
    });
    // The folder goes when the pod is removed; the reader notices by itself that nothing runs any more.
    this.watcher.on('error', () => this.wake?.());
  }

  wait(ms: number, signal: AbortSignal): Promise<void> {
    return new Promise((resolve) => {
      const done = () => {
        clearTimeout(timer);
        signal.removeEventListener('abort', done);
        this.wake = undefined;
        this.changed = false;
        resolve();
      };
      const timer = setTimeout(done, ms);
      signal.addEventListener('abort', done, { once: true });
      this.wake = done;
      if (this.changed || signal.aborted) done();
    });
  }

  close(): void {
    this.watcher.close();
  }
}
