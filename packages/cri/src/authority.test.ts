import assert from 'node:assert/strict';
import { test } from 'node:test';
import { AuthorityRewriter } from './authority.js';

const preface = Buffer.from('PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n');

function frame(type: number, flags: number, payload: Buffer): Buffer {
  const head = Buffer.alloc(9);
  head.writeUIntBE(payload.length, 0, 3);
  head.writeUInt8(type, 3);
  head.writeUInt8(flags, 4);
  head.writeUInt32BE(1, 5);
  return Buffer.concat([head, payload]);
}

const literal = (index: number, value: string) =>
  Buffer.concat([Buffer.from([0x40 | index, value.length]), Buffer.from(value)]);
const named = (name: string, value: string) =>
  Buffer.concat([Buffer.from([0x00, name.length]), Buffer.from(name), Buffer.from([value.length]), Buffer.from(value)]);

/** :method POST, :scheme http, then an authority among other literals. */
const block = (value: string) =>
  Buffer.concat([Buffer.from([0x83, 0x86]), literal(4, '/runtime.v1'), literal(1, value), named('te', 'trailers')]);

test('only the authority changes, however the bytes are cut', () => {
  const settings = frame(4, 0, Buffer.alloc(6));
  const data = frame(0, 1, Buffer.from('a message'));
  const sent = Buffer.concat([preface, settings, frame(1, 4, block('/run/kubelab/cri.sock')), data]);
  const wanted = Buffer.concat([preface, settings, frame(1, 4, block('localhost')), data]);
  for (const size of [1, 7, 64, sent.length]) {
    const rewriter = new AuthorityRewriter();
    const out: Buffer[] = [];
    for (let at = 0; at < sent.length; at += size) out.push(rewriter.push(sent.subarray(at, at + size)));
    assert.deepEqual(Buffer.concat(out), wanted);
  }
});

test('what refers to earlier headers, or can’t be read, is left as it is', () => {
  const rewriter = new AuthorityRewriter();
  rewriter.push(preface);
  for (const payload of [Buffer.from([0x83, 0x86, 0xbe]), Buffer.from([0x41, 0xff]), Buffer.alloc(0)]) {
    assert.deepEqual(rewriter.push(frame(1, 4, payload)), frame(1, 4, payload));
  }
});
