import { Duplex } from 'node:stream';
import type { SpdyHeaders } from './headers.js';

/** What a stream needs of its connection. */
export interface StreamPort {
  sendData(stream: SpdyStream, payload: Buffer, fin: boolean, done: (error?: Error | null) => void): void;
  sendReply(stream: SpdyStream, headers: SpdyHeaders, fin: boolean): void;
  sendReset(stream: SpdyStream): void;
  resumed(stream: SpdyStream): void;
  closed(stream: SpdyStream): void;
}

/** One SPDY stream: both halves close on their own, `end()` sends FIN, `destroy(error)` sends RST_STREAM. */
export class SpdyStream extends Duplex {
  #finSent = false;
  #finReceived = false;
  #reset = false;

  constructor(
    readonly id: number,
    readonly headers: SpdyHeaders,
    private readonly port: StreamPort,
  ) {
    super({ allowHalfOpen: true, readableHighWaterMark: 256 * 1024, writableHighWaterMark: 256 * 1024 });
  }

  /** First value of a header, or ''. */
  header(name: string): string {
    return this.headers[name.toLowerCase()]?.[0] ?? '';
  }

  /** Accepts the stream (SYN_REPLY). */
  reply(headers: SpdyHeaders = {}): void {
    this.port.sendReply(this, headers, false);
  }

  /** Bytes that came in. False when the reader is behind. */
  receive(payload: Buffer): boolean {
    return payload.length === 0 || this.#finReceived || this.destroyed ? true : this.push(payload);
  }

  /** The peer will send nothing more. */
  receiveFin(): void {
    if (this.#finReceived || this.destroyed) return;
    this.#finReceived = true;
    this.push(null);
  }

  /**
   * The peer dropped the stream. What it sent before can still be read, as Go's clients count on: they reset streams
   * as part of an ordinary close.
   */
  receiveReset(): void {
    this.#reset = true;
    this.receiveFin();
    if (!this.writableEnded) this.end();
  }

  override _read(): void {
    this.port.resumed(this);
  }

  override _write(chunk: Buffer, _encoding: BufferEncoding, done: (error?: Error | null) => void): void {
    if (this.#reset) done();
    else this.port.sendData(this, chunk, false, done);
  }

  override _final(done: (error?: Error | null) => void): void {
    if (this.#reset || this.#finSent) {
      done();
      return;
    }
    this.#finSent = true;
    this.port.sendData(this, Buffer.alloc(0), true, done);
  }

  override _destroy(error: Error | null, done: (error: Error | null) => void): void {
    if (!this.#reset && (!this.#finSent || !this.#finReceived)) this.port.sendReset(this);
    this.port.closed(this);
    done(error);
  }
}
