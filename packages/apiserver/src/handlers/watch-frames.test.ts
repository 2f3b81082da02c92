import assert from 'node:assert/strict';
import { once } from 'node:events';
import { createServer, get, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { connect } from 'node:net';
import { test } from 'node:test';
import { CacheEvent } from '@kubelab/storage';
import { eventFrame, sharedFrame, writeFrame } from './watch-frames.js';

async function serving(answer: (res: ServerResponse) => void, use: (port: number) => Promise<void>): Promise<void> {
  const server = createServer((_req, res) => {
    res.writeHead(200, { 'Transfer-Encoding': 'chunked' });
    res.flushHeaders();
    answer(res);
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  try {
    await use((server.address() as AddressInfo).port);
  } finally {
    server.closeAllConnections();
    server.close();
  }
}

async function bodyOf(port: number): Promise<string> {
  const [res] = (await once(get({ port, host: '127.0.0.1', agent: false }), 'response')) as [IncomingMessage];
  let text = '';
  for await (const chunk of res) text += String(chunk);
  return text;
}

const answer = (res: ServerResponse) => {
  writeFrame(res, eventFrame('ADDED', Buffer.from('{"a":"\u00fc"}')));
  // What the response itself writes keeps its place among the frames.
  res.write('{"type":"ERROR"}\n');
  writeFrame(res, eventFrame('DELETED', Buffer.from('{}')));
  res.end();
};
const lines = '{"type":"ADDED","object":{"a":"\u00fc"}}\n{"type":"ERROR"}\n{"type":"DELETED","object":{}}\n';

test('frames are chunks of the response', async () => {
  await serving(answer, async (port) => assert.equal(await bodyOf(port), lines));
});

test('a response that waits behind another of its connection gets its frames too', async () => {
  let first: ServerResponse | undefined;
  const take = (res: ServerResponse) => {
    if (!first) {
      first = res;
      return;
    }
    answer(res);
    first.end();
  };
  await serving(take, async (port) => {
    const socket = connect(port, '127.0.0.1');
    const ask = 'GET / HTTP/1.1\r\nHost: x\r\n';
    socket.write(`${ask}\r\n${ask}Connection: close\r\n\r\n`);
    let text = '';
    for await (const chunk of socket) text += String(chunk);
    const second = text.split('0\r\n\r\n')[1] ?? '';
    for (const line of lines.split('\n')) assert.ok(second.includes(line), `${line} is not in ${second}`);
  });
});

test('an event is encoded once for all that are told of it', () => {
  const event = new CacheEvent(1, undefined, undefined);
  const one = sharedFrame(event, 'ADDED v1', () => Buffer.from('1'));
  assert.equal(
    sharedFrame(event, 'ADDED v1', () => assert.fail('made twice')),
    one,
  );
  assert.equal(String(sharedFrame(event, 'DELETED v1', () => Buffer.from('2'))), '2');
  assert.equal(String(sharedFrame(new CacheEvent(2, undefined, undefined), 'ADDED v1', () => Buffer.from('3'))), '3');
});
