import assert from 'node:assert/strict';
import { test } from 'node:test';
import { constants, createDeflate, deflateSync } from 'node:zlib';
import { headerDictionary } from './dictionary.js';
import { HeaderDecoder, HeaderEncoder, type SpdyHeaders } from './headers.js';

test('the dictionary has the checksum every SPDY/3 peer announces', () => {
  assert.equal(headerDictionary.length, 1423);
  assert.equal(deflateSync('x', { dictionary: headerDictionary }).readUInt32BE(2), 0xe3c6a7c2);
});

test('blocks build on each other and come back as they were', () => {
  const encoder = new HeaderEncoder();
  const decoder = new HeaderDecoder();
  const blocks: SpdyHeaders[] = [{ streamtype: ['error'] }, { streamtype: ['stdin'], port: ['80', '81'] }, {}];
  for (const headers of blocks) {
    assert.deepEqual(decoder.decode(encoder.encode(headers)), headers);
  }
});

test('garbage is refused', () => {
  assert.throws(() => new HeaderDecoder().decode(Buffer.from('not compressed at all')));
});

test('a zlib stream that is flushed after each block, as Go writes it, is understood', async () => {
  const deflate = createDeflate({ dictionary: headerDictionary });
  const decoder = new HeaderDecoder();
  const block = (name: string, value: string): Buffer => {
    const bytes = Buffer.alloc(12 + name.length + value.length);
    bytes.writeUInt32BE(1, 0);
    bytes.writeUInt32BE(name.length, 4);
    bytes.write(name, 8);
    bytes.writeUInt32BE(value.length, 8 + name.length);
    bytes.write(value, 12 + name.length);
    return bytes;
  };
  for (const value of ['error', 'stdout', 'stdout', 'resize']) {
    deflate.write(block('Streamtype', value));
    await new Promise<void>((resolve) => deflate.flush(constants.Z_SYNC_FLUSH, () => resolve()));
    assert.deepEqual(decoder.decode(deflate.read() as Buffer), { streamtype: [value] });
  }
});
