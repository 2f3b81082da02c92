/** Frame layout of SPDY/3.1: an 8 byte head, then up to 2^24-1 bytes. */
export const controlType = {
  synStream: 1,
  synReply: 2,
  rstStream: 3,
  settings: 4,
  ping: 6,
  goAway: 7,
  headers: 8,
  windowUpdate: 9,
} as const;

export const flagFin = 1;

/** Reasons in RST_STREAM. */
export const rstStatus = { protocolError: 1, invalidStream: 2, refusedStream: 3, cancel: 5, internalError: 6 } as const;

export interface DataFrame {
  kind: 'data';
  streamId: number;
  flags: number;
  payload: Buffer;
}

export interface ControlFrame {
  kind: 'control';
  version: number;
  type: number;
  flags: number;
  payload: Buffer;
}

export function dataFrame(streamId: number, payload: Buffer, fin: boolean): Buffer[] {
  const head = Buffer.alloc(8);
  head.writeUInt32BE(streamId & 0x7fffffff, 0);
  head.writeUInt32BE(((fin ? flagFin : 0) << 24) | payload.length, 4);
  return payload.length > 0 ? [head, payload] : [head];
}

export function controlFrame(type: number, flags: number, payload: Buffer): Buffer {
  const head = Buffer.alloc(8);
  head.writeUInt16BE(0x8003, 0);
  head.writeUInt16BE(type, 2);
  head.writeUInt32BE(((flags << 24) | payload.length) >>> 0, 4);
  return Buffer.concat([head, payload]);
}

/** A control frame's payload made of 32 bit numbers. */
export function numbers(...values: number[]): Buffer {
  const bytes = Buffer.alloc(values.length * 4);
  for (const [i, value] of values.entries()) bytes.writeUInt32BE(value >>> 0, i * 4);
  return bytes;
}

/** Cuts a byte stream into frames. */
export class FrameParser {
  #pending: Buffer[] = [];
  #length = 0;

  /** The frames completed by these bytes, in order. */
  *push(chunk: Buffer): Generator<DataFrame | ControlFrame> {
    this.#pending.push(chunk);
    this.#length += chunk.length;
    while (this.#length >= 8) {
      const head = this.#peek(8);
      const size = 8 + (head.readUInt32BE(4) & 0xffffff);
      if (this.#length < size) return;
      yield toFrame(this.#take(size));
    }
  }

  #peek(size: number): Buffer {
    const first = this.#pending[0];
    if (first && first.length >= size) return first;
    const joined = Buffer.concat(this.#pending);
    this.#pending = [joined];
    return joined;
  }

  #take(size: number): Buffer {
    const all = this.#peek(size);
    this.#pending.shift();
    if (all.length > size) this.#pending.unshift(all.subarray(size));
    this.#length -= size;
    return all.subarray(0, size);
  }
}

function toFrame(bytes: Buffer): DataFrame | ControlFrame {
  const flags = bytes.readUInt8(4);
  const payload = bytes.subarray(8);
  const first = bytes.readUInt32BE(0);
  if (first < 0x80000000) return { kind: 'data', streamId: first, flags, payload };
  return { kind: 'control', version: (first >>> 16) & 0x7fff, type: first & 0xffff, flags, payload };
}
