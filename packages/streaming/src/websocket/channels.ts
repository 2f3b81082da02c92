import { Readable, Writable } from 'node:stream';
import type { RawData, WebSocket } from 'ws';

/** In v5, a message on this channel closes the channel its one byte names. */
export const closeChannel = 255;

/**
 * Numbered channels over one WebSocket: each message is led by its channel, as a byte in binary messages, or as a
 * digit before base64 text in the base64 sub-protocols.
 */
export class ChannelConnection {
  readonly #ws: WebSocket;
  readonly #base64: boolean;
  readonly #readers = new Map<number, Readable>();
  readonly #behind = new Set<Readable>();
  #onClose: (() => void)[] = [];

  constructor(ws: WebSocket, o: { base64: boolean; closeSignal: boolean }) {
    this.#ws = ws;
    this.#base64 = o.base64;
    ws.on('message', (data) => this.#receive(toBuffer(data), o.closeSignal));
    ws.on('error', () => ws.terminate());
    ws.on('close', () => {
      for (const reader of this.#readers.values()) endReader(reader);
      for (const listener of this.#onClose) listener();
    });
  }

  onClose(listener: () => void): void {
    this.#onClose.push(listener);
  }

  /** What the peer sends on a channel. Ends when the peer closes the channel (v5) or the connection. */
  reader(channel: number): Readable {
    const caughtUp = () => {
      if (this.#behind.delete(reader) && this.#behind.size === 0) this.#ws.resume();
    };
    const reader = new Readable({ read: caughtUp });
    // A reader that has all it will get, or is given up, asks for no more; it must not hold the others back.
    reader.once('close', caughtUp);
    this.#readers.set(channel, reader);
    return reader;
  }

  /** Sends each chunk as one message on a channel. */
  writer(channel: number): Writable {
    return new Writable({
      write: (chunk: Buffer, _encoding, done) => this.send(channel, chunk, done),
    });
  }

  send(channel: number, payload: Buffer, done: (error?: Error | null) => void): void {
    if (this.#ws.readyState !== this.#ws.OPEN) {
      done(new Error('WebSocket is closed'));
      return;
    }
    if (this.#base64) this.#ws.send(`${channel}${payload.toString('base64')}`, { binary: false }, done);
    else this.#ws.send(Buffer.concat([Buffer.from([channel]), payload]), { binary: true }, done);
  }

  /** Ends the connection once everything sent has left. */
  close(): void {
    this.#ws.close(1000);
  }

  #receive(message: Buffer, closeSignal: boolean): void {
    if (message.length === 0) return;
    const channel = this.#base64 ? message.readUInt8(0) - 0x30 : message.readUInt8(0);
    const payload = this.#base64 ? Buffer.from(message.toString('latin1', 1), 'base64') : message.subarray(1);
    if (closeSignal && channel === closeChannel) {
      const closed = this.#readers.get(payload.readUInt8(0));
      if (closed) endReader(closed);
      return;
    }
    const reader = this.#readers.get(channel);
    if (!reader || reader.readableEnded || payload.length === 0 || ended.has(reader)) return;
    if (!reader.push(payload)) {
      this.#behind.add(reader);
      this.#ws.pause();
    }
  }
}

/** Readers that had their end pushed; a second one is an error. */
const ended = new WeakSet<Readable>();

function endReader(reader: Readable): void {
  if (ended.has(reader)) return;
  ended.add(reader);
  reader.push(null);
}

function toBuffer(data: RawData): Buffer {
  if (Buffer.isBuffer(data)) return data;
  return Array.isArray(data) ? Buffer.concat(data) : Buffer.from(data);
}
