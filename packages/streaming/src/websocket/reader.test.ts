import assert from 'node:assert/strict';
import { once } from 'node:events';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { Readable } from 'node:stream';
import { test } from 'node:test';
import { WebSocket } from 'ws';
import { serveReader } from './reader.js';

for (const [protocols, wanted] of [
  [[], ['', 'one', 'two']],
  [['binary.k8s.io'], ['', 'one', 'two']],
  [['base64.binary.k8s.io'], ['', 'b25l', 'dHdv']],
] as const) {
  test(`a stream as messages, sub-protocol ${protocols[0] ?? 'none'}`, async () => {
    const server = createServer();
    server.on('upgrade', (req, socket, head) => {
      void serveReader(req, socket, head, Readable.from([Buffer.from('one'), Buffer.from('two')]));
    });
    server.listen(0, '127.0.0.1');
    await once(server, 'listening');
    try {
      const ws = new WebSocket(`ws://127.0.0.1:${(server.address() as AddressInfo).port}/`, [...protocols]);
      const messages: string[] = [];
      ws.on('message', (data) => messages.push(String(data)));
      const [code] = await once(ws, 'close');
      assert.deepEqual(messages, wanted);
      assert.equal(code, 1000);
      assert.equal(ws.protocol, protocols[0] ?? '');
    } finally {
      server.closeAllConnections();
      server.close();
    }
  });
}
