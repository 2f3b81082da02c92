import { EventEmitter } from 'node:events';
import type { Duplex } from 'node:stream';
import {
  type ControlFrame,
  controlFrame,
  controlType,
  type DataFrame,
  dataFrame,
  FrameParser,
  flagFin,
  numbers,
  rstStatus,
} from './frames.js';
import { HeaderDecoder, HeaderEncoder, type SpdyHeaders } from './headers.js';
import { SpdyStream, type StreamPort } from './stream.js';

interface SessionEvents {
  /** The peer opened a stream; the listener accepts it with reply(), or destroys it. */
  stream: [stream: SpdyStream];
  /** The connection is gone, and all its streams with it. */
  close: [];
}

/**
 * A SPDY/3.1 connection on a socket that has switched protocols already.
 *
 * Windows are neither enforced nor granted: the implementation in Go that kubectl, crictl and kubelets use ignores
 * WINDOW_UPDATE on both sides, so one that waited for credit would stop for ever. A slow reader stops the socket
 * instead, and with it all streams of the connection.
 */
export class SpdySession extends EventEmitter<SessionEvents> {
  readonly #socket: Duplex;
  readonly #parser = new FrameParser();
  readonly #encoder = new HeaderEncoder();
  readonly #decoder = new HeaderDecoder();
  readonly #streams = new Map<number, SpdyStream>();
  readonly #behind = new Set<SpdyStream>();
  readonly #port: StreamPort;
  readonly #isServer: boolean;
  #nextId: number;
  #nextPing: number;
  #lastPeerId = 0;
  #closed = false;

  /** @param head bytes that came with the handshake and belong to the session already */
  constructor(socket: Duplex, side: 'server' | 'client', head: Buffer = Buffer.alloc(0)) {
    super();
    this.#socket = socket;
    this.#isServer = side === 'server';
    this.#nextId = this.#isServer ? 2 : 1;
    this.#nextPing = this.#isServer ? 2 : 1;
    this.#port = {
      sendData: (stream, payload, fin, done) => this.#sendData(stream, payload, fin, done),
      sendReply: (stream, headers, fin) =>
        this.#sendControl(controlType.synReply, fin ? flagFin : 0, this.#headerPayload([stream.id], headers)),
      sendReset: (stream) => this.#sendControl(controlType.rstStream, 0, numbers(stream.id, rstStatus.cancel)),
      resumed: (stream) => this.#resumed(stream),
      closed: (stream) => {
        this.#streams.delete(stream.id);
        this.#resumed(stream);
      },
    };
    socket.on('data', (chunk: Buffer) => this.#receive(chunk));
    socket.on('end', () => this.#teardown());
    socket.on('close', () => this.#teardown());
    socket.on('error', () => this.#teardown());
    // After the caller had its turn to listen for 'stream'.
    if (head.length > 0) queueMicrotask(() => this.#receive(head));
  }

  get closed(): boolean {
    return this.#closed;
  }

  /** Opens a stream to the peer. `fin` for one that this side never writes to. */
  open(headers: SpdyHeaders, fin = false): SpdyStream {
    if (this.#closed) throw new Error('SPDY connection is closed');
    const stream = this.#track(new SpdyStream(this.#nextId, headers, this.#port));
    this.#nextId += 2;
    const payload = Buffer.concat([numbers(stream.id, 0), Buffer.alloc(2), this.#encoder.encode(headers)]);
    this.#sendControl(controlType.synStream, fin ? flagFin : 0, payload);
    return stream;
  }

  /** Sends a PING: traffic that keeps middle boxes from dropping an idle connection. */
  ping(): void {
    this.#sendControl(controlType.ping, 0, numbers(this.#nextPing));
    this.#nextPing += 2;
  }

  /** Says goodbye and closes the socket once everything written has left. */
  close(): void {
    if (this.#closed) return;
    this.#sendControl(controlType.goAway, 0, numbers(this.#lastPeerId, 0));
    this.#socket.end(() => this.#socket.destroy());
    // A peer that has stopped reading would hold the socket open for ever.
    const timer = setTimeout(() => this.#socket.destroy(), 10_000);
    timer.unref();
    this.#socket.once('close', () => clearTimeout(timer));
    this.#teardown();
  }

  #receive(chunk: Buffer): void {
    try {
      for (const frame of this.#parser.push(chunk)) {
        if (this.#closed) return;
        if (frame.kind === 'data') this.#onData(frame);
        else this.#onControl(frame);
      }
    } catch {
      // A peer that does not speak SPDY: nothing that follows can be understood.
      this.#socket.destroy();
      this.#teardown();
    }
  }

  #onData(frame: DataFrame): void {
    const stream = this.#streams.get(frame.streamId);
    if (!stream) return;
    if (!stream.receive(frame.payload)) {
      this.#behind.add(stream);
      this.#socket.pause();
    }
    if (frame.flags & flagFin) stream.receiveFin();
  }

  #onControl(frame: ControlFrame): void {
    const { payload, type, flags } = frame;
    if (frame.version !== 3) throw new Error(`unsupported SPDY version ${frame.version}`);
    switch (type) {
      case controlType.synStream:
        this.#onSynStream(streamIdOf(payload), flags, this.#decoder.decode(payload.subarray(10)));
        break;
      case controlType.synReply:
      case controlType.headers:
        // Decoded even if nobody asks: the compression state goes on from it.
        this.#decoder.decode(payload.subarray(4));
        if (flags & flagFin) this.#streams.get(streamIdOf(payload))?.receiveFin();
        break;
      case controlType.rstStream:
        this.#streams.get(streamIdOf(payload))?.receiveReset();
        break;
      case controlType.ping: {
        const id = payload.readUInt32BE(0);
        // An answer to our own ping has our parity.
        if ((id % 2 === 0) !== this.#isServer) this.#sendControl(controlType.ping, 0, numbers(id));
        break;
      }
      default:
        // GOAWAY: no new streams come, those open go on. SETTINGS and WINDOW_UPDATE: see the class comment.
        break;
    }
  }

  #onSynStream(id: number, flags: number, headers: SpdyHeaders): void {
    const wrongSide = (id % 2 === 1) !== this.#isServer;
    if (wrongSide || id <= this.#lastPeerId) {
      this.#sendControl(controlType.rstStream, 0, numbers(id, rstStatus.protocolError));
      return;
    }
    this.#lastPeerId = id;
    const stream = this.#track(new SpdyStream(id, headers, this.#port));
    if (flags & flagFin) stream.receiveFin();
    if (this.listenerCount('stream') === 0) stream.destroy();
    else this.emit('stream', stream);
  }

  #track(stream: SpdyStream): SpdyStream {
    this.#streams.set(stream.id, stream);
    // Streams are often dropped by their owner without a look at errors; the connection's close tells the story.
    stream.on('error', () => this.#streams.delete(stream.id));
    return stream;
  }

  #sendData(stream: SpdyStream, payload: Buffer, fin: boolean, done: (error?: Error | null) => void): void {
    if (this.#socket.destroyed || this.#socket.writableEnded) {
      done(new Error('SPDY connection is closed'));
      return;
    }
    // Frames of at most 32 KiB let other streams in between.
    const limit = 32 * 1024;
    this.#socket.cork();
    let at = 0;
    do {
      const part = payload.subarray(at, at + limit);
      at += limit;
      const last = at >= payload.length;
      const [head, body] = dataFrame(stream.id, part, fin && last);
      if (body) {
        this.#socket.write(head);
        this.#socket.write(body, last ? done : undefined);
      } else this.#socket.write(head, done);
    } while (at < payload.length);
    process.nextTick(() => this.#socket.uncork());
  }

  #sendControl(type: number, flags: number, payload: Buffer): void {
    if (this.#socket.destroyed || this.#socket.writableEnded) return;
    this.#socket.write(controlFrame(type, flags, payload));
  }

  #headerPayload(ids: number[], headers: SpdyHeaders): Buffer {
    return Buffer.concat([numbers(...ids), this.#encoder.encode(headers)]);
  }

  #resumed(stream: SpdyStream): void {
    if (this.#behind.delete(stream) && this.#behind.size === 0) this.#socket.resume();
  }

  #teardown(): void {
    if (this.#closed) return;
    this.#closed = true;
    for (const stream of [...this.#streams.values()]) stream.receiveReset();
    this.#socket.resume();
    if (!this.#socket.destroyed && !this.#socket.writableEnded) this.#socket.end();
    this.emit('close');
  }
}

function streamIdOf(payload: Buffer): number {
  return payload.readUInt32BE(0) & 0x7fffffff;
}
