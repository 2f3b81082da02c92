import type { Readable } from 'node:stream';
import { StringDecoder } from 'node:string_decoder';

export interface TerminalSize {
  width: number;
  height: number;
}

/** The sizes of the client's terminal. Only the newest that has not been taken is kept. */
export class ResizeQueue {
  #latest: TerminalSize | undefined;
  #listener: ((size: TerminalSize) => void) | undefined;

  /** Called with each size from now on, and at once with the last one that came before. */
  listen(listener: (size: TerminalSize) => void): void {
    this.#listener = listener;
    if (this.#latest) listener(this.#latest);
    this.#latest = undefined;
  }

  push(size: TerminalSize): void {
    if (this.#listener) this.#listener(size);
    else this.#latest = size;
  }
}

/** Feeds a queue from a stream of JSON objects `{"Width":80,"Height":24}`, one after the other. */
export function readResizes(stream: Readable, queue: ResizeQueue): void {
  const decoder = new StringDecoder('utf8');
  let pending = '';
  stream.on('data', (chunk: Buffer) => {
    pending += decoder.write(chunk);
    for (let end = pending.indexOf('}'); end >= 0; end = pending.indexOf('}')) {
      const size = parseSize(pending.slice(0, end + 1));
      pending = pending.slice(end + 1);
      if (size) queue.push(size);
    }
    // Not JSON at all: an object of this kind is some 30 bytes long.
    if (pending.length > 4096) pending = '';
  });
  stream.on('error', () => stream.destroy());
}

function parseSize(text: string): TerminalSize | undefined {
  try {
    const value = JSON.parse(text) as { Width?: number; Height?: number };
    return value.Width && value.Height ? { width: value.Width, height: value.Height } : undefined;
  } catch {
    // As in Kubernetes, a size that can't be read is left out; the terminal keeps the one it has.
    return undefined;
  }
}
