import assert from 'node:assert/strict';
import { once } from 'node:events';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { test } from 'node:test';
import { sendObject } from './respond.js';

test('JSON is indented for those who read it, or who ask for that', async () => {
  const server = createServer((req, res) => void sendObject(req, res, 200, { a: { b: 1 } }));
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const origin = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  const textOf = async (path: string, agent: string) =>
    (await fetch(`${origin}${path}`, { headers: { 'user-agent': agent } })).text();
  const [plain, pretty] = ['{"a":{"b":1}}', '{\n  "a": {\n    "b": 1\n  }\n}'];
  try {
    assert.equal(await textOf('/', 'kubectl/v1.33.0'), plain);
    assert.equal(await textOf('/', 'curl/7.88.1'), pretty);
    assert.equal(await textOf('/?pretty=true', 'kubectl/v1.33.0'), pretty);
    assert.equal(await textOf('/?pretty=false', 'curl/7.88.1'), plain);
  } finally {
    server.closeAllConnections();
    server.close();
  }
});
