import { Duplex } from 'node:stream';

/** What every client connects to on a unix socket, as far as HTTP/2 is concerned. */
const authority = Buffer.from('localhost');

const preface = 24;
const headersFrame = 1;
const flagEndHeaders = 0x4;
const flagPadded = 0x8;
const flagPriority = 0x20;

/**
 * Rewrites the `:authority` of requests on a unix socket to `localhost`.
 *
 * gRPC for Go sends the socket's path there when it is not told otherwise, as crictl, critest and older kubelets do.
 * That is no valid authority, and Node's HTTP/2 (nghttp2) answers such requests with PROTOCOL_ERROR before anyone is
 * asked. So requests are changed on their way in, in their compressed form (HPACK, RFC 7541): strings need not be
 * decoded to be skipped or replaced. A replaced one may stand in the dynamic table that both sides keep; ours is not
 * longer than any path, so the server evicts nothing that the client still refers to.
 */
export class AuthorityRewriter {
  #skip = preface;
  #pending: Buffer = Buffer.alloc(0);

  /** The bytes to hand on. A frame that is not complete yet is kept back. */
  push(chunk: Buffer): Buffer {
    let data = this.#pending.length === 0 ? chunk : Buffer.concat([this.#pending, chunk]);
    const out: Buffer[] = [];
    while (data.length > 0) {
      if (this.#skip > 0) {
        const part = data.subarray(0, this.#skip);
        this.#skip -= part.length;
        out.push(part);
        data = data.subarray(part.length);
        continue;
      }
      if (data.length < 9) break;
      const size = 9 + data.readUIntBE(0, 3);
      if (data.readUInt8(3) !== headersFrame) {
        // Other frames are passed on without waiting for their end.
        this.#skip = size;
        continue;
      }
      if (data.length < size) break;
      out.push(rewriteFrame(data.subarray(0, size)));
      data = data.subarray(size);
    }
    this.#pending = data;
    return Buffer.concat(out);
  }
}

function rewriteFrame(frame: Buffer): Buffer {
  const flags = frame.readUInt8(4);
  // A block that goes on in CONTINUATION frames is larger than any of ours; padding is used by no client of gRPC.
  if ((flags & flagEndHeaders) === 0 || (flags & flagPadded) !== 0) return frame;
  const start = 9 + (flags & flagPriority ? 5 : 0);
  const block = rewriteBlock(frame.subarray(start));
  if (!block) return frame;
  const head = Buffer.from(frame.subarray(0, start));
  head.writeUIntBE(start - 9 + block.length, 0, 3);
  return Buffer.concat([head, block]);
}

/** The block with its :authority replaced; undefined when it has none spelled out, or can't be read. */
function rewriteBlock(block: Buffer): Buffer | undefined {
  let at = 0;
  while (at < block.length) {
    const first = block.readUInt8(at);
    const isIndexed = first >= 0x80;
    const isSizeUpdate = first >= 0x20 && first < 0x40;
    const bits = isIndexed ? 7 : isSizeUpdate ? 5 : first >= 0x40 ? 6 : 4;
    const index = readInteger(block, at, bits);
    if (!index) return undefined;
    at = index.end;
    if (isIndexed || isSizeUpdate) continue;
    if (index.value === 0) {
      const name = readInteger(block, at, 7);
      if (!name) return undefined;
      at = name.end + name.value;
    }
    const length = readInteger(block, at, 7);
    if (!length) return undefined;
    const end = length.end + length.value;
    // Index 1 of the static table is :authority.
    if (index.value === 1) {
      return Buffer.concat([block.subarray(0, at), Buffer.from([authority.length]), authority, block.subarray(end)]);
    }
    at = end;
  }
  return undefined;
}

/** An HPACK integer with a prefix of so many bits, and where it ends. */
function readInteger(block: Buffer, at: number, bits: number): { value: number; end: number } | undefined {
  if (at >= block.length) return undefined;
  const max = (1 << bits) - 1;
  let value = block.readUInt8(at) & max;
  let end = at + 1;
  if (value < max) return { value, end };
  for (let shift = 0; shift <= 21; shift += 7) {
    if (end >= block.length) return undefined;
    const byte = block.readUInt8(end++);
    value += (byte & 0x7f) << shift;
    if (byte < 0x80) return { value, end };
  }
  return undefined;
}

/** A socket whose incoming requests have their :authority rewritten. */
export function withLocalAuthority(socket: Duplex): Duplex {
  const rewriter = new AuthorityRewriter();
  const connection: Duplex = new Duplex({
    read: () => socket.resume(),
    write: (chunk: Buffer, _encoding, done) => {
      socket.write(chunk, done);
    },
    writev: (chunks, done) => {
      socket.write(Buffer.concat(chunks.map(({ chunk }) => chunk as Buffer)), done);
    },
    final: (done) => {
      socket.end(done);
    },
    destroy: (error, done) => {
      socket.destroy();
      done(error);
    },
  });
  socket.on('data', (chunk: Buffer) => {
    const bytes = rewriter.push(chunk);
    if (bytes.length > 0 && !connection.push(bytes)) socket.pause();
  });
  socket.on('end', () => connection.push(null));
  socket.on('error', () => connection.destroy());
  socket.on('close', () => connection.destroy());
  return connection;
}
