import { constants, deflateRawSync, inflateRawSync } from 'node:zlib';
import { headerDictionary } from './dictionary.js';

/** Header names (lower case) to values. A name that came several times has its values in one list. */
export type SpdyHeaders = Record<string, string[]>;

/** How far back deflate refers. */
const windowBytes = 32 * 1024;

/** A header block may not grow beyond this when decompressed: a compression bomb would otherwise fill the memory. */
const maxBlockBytes = 1024 * 1024;

/** zlib's head (RFC 1950): deflate with a 32 KiB window, a preset dictionary, and that dictionary's checksum. */
const zlibHead = Buffer.from([0x78, 0xbb, 0xe3, 0xc6, 0xa7, 0xc2]);

/**
 * The text both sides have seen so far. All blocks of a connection are one deflate stream that is flushed to a byte
 * boundary after each, so a block can be (de)compressed on its own with the text before it as the dictionary: that is
 * what a stream would do, and it needs no asynchronous zlib stream whose results would have to be put in order.
 */
class History {
  #text: Buffer = headerDictionary;

  get text(): Buffer {
    return this.#text;
  }

  add(block: Buffer): void {
    this.#text = Buffer.concat([this.#text, block]).subarray(-windowBytes);
  }
}

/** Writes name/value blocks; one for all frames of a connection, since each block builds on those before. */
export class HeaderEncoder {
  readonly #history = new History();
  #started = false;

  encode(headers: SpdyHeaders): Buffer {
    const parts: Buffer[] = [u32(Object.keys(headers).length)];
    for (const [name, values] of Object.entries(headers)) {
      const key = Buffer.from(name.toLowerCase());
      const value = Buffer.from(values.join('\0'));
      parts.push(u32(key.length), key, u32(value.length), value);
    }
    const block = Buffer.concat(parts);
    const bytes = deflateRawSync(block, { dictionary: this.#history.text, finishFlush: constants.Z_SYNC_FLUSH });
    this.#history.add(block);
    if (this.#started) return bytes;
    this.#started = true;
    return Buffer.concat([zlibHead, bytes]);
  }
}

/** Reads name/value blocks; one for all frames of a connection. Throws on a malformed block. */
export class HeaderDecoder {
  readonly #history = new History();
  #started = false;

  decode(block: Buffer): SpdyHeaders {
    const bytes = this.#inflate(block);
    let at = 0;
    const number = (): number => {
      if (at + 4 > bytes.length) throw new Error('SPDY header block is cut short');
      at += 4;
      return bytes.readUInt32BE(at - 4);
    };
    const text = (): string => {
      const length = number();
      if (at + length > bytes.length) throw new Error('SPDY header block is cut short');
      at += length;
      return bytes.toString('utf8', at - length, at);
    };
    const headers: SpdyHeaders = {};
    for (let left = number(); left > 0; left--) {
      const name = text().toLowerCase();
      headers[name] = text().split('\0');
    }
    return headers;
  }

  #inflate(block: Buffer): Buffer {
    const bytes = inflateRawSync(this.#started ? block : withoutHead(block), {
      dictionary: this.#history.text,
      finishFlush: constants.Z_SYNC_FLUSH,
      maxOutputLength: maxBlockBytes,
    });
    this.#started = true;
    this.#history.add(bytes);
    return bytes;
  }
}

/** The first block without zlib's head; a peer may leave the dictionary out, and then never refers to it. */
function withoutHead(block: Buffer): Buffer {
  if (block.length < 6 || (block.readUInt8(0) & 0x0f) !== 8 || block.readUInt16BE(0) % 31 !== 0) {
    throw new Error('SPDY header block is not zlib data');
  }
  const hasDictionary = (block.readUInt8(1) & 0x20) !== 0;
  if (hasDictionary && !block.subarray(2, 6).equals(zlibHead.subarray(2))) {
    throw new Error('SPDY header block uses an unknown dictionary');
  }
  return block.subarray(hasDictionary ? 6 : 2);
}

function u32(value: number): Buffer {
  const bytes = Buffer.alloc(4);
  bytes.writeUInt32BE(value);
  return bytes;
}
