import assert from 'node:assert/strict';
import { once } from 'node:events';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import type { Duplex } from 'node:stream';
import { after, test } from 'node:test';
import { WebSocket } from 'ws';
import { connectPortForward, servePortForward } from '../index.js';

const servers: Server[] = [];
after(() => {
  for (const server of servers) {
    server.closeAllConnections();
    server.close();
  }
});

/** Answers what it is sent, led by the port, once the client has closed its half; port 1 fails. */
async function handler(port: number, stream: Duplex): Promise<void> {
  if (port === 1) throw new Error('connection refused');
  stream.write(`${port}:`);
  for await (const chunk of stream.iterator({ destroyOnReturn: false })) stream.write(chunk);
}

async function serve(): Promise<URL> {
  const server = createServer();
  server.on('upgrade', (req, socket, head) => void servePortForward(req, socket, head, handler));
  servers.push(server);
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  return new URL(`http://127.0.0.1:${(server.address() as AddressInfo).port}/portforward`);
}

async function read(stream: Duplex): Promise<string> {
  let text = '';
  for await (const chunk of stream) text += String(chunk);
  return text;
}

test('SPDY: many connections over one, errors apart', async () => {
  const client = await connectPortForward(await serve());
  const connections = [80, 81, 82].map((port) => client.connect(port));
  for (const [i, { stream }] of connections.entries()) stream.end(`hello ${i}`);
  const texts = await Promise.all(connections.map(({ stream }) => read(stream)));
  assert.deepEqual(texts, ['80:hello 0', '81:hello 1', '82:hello 2']);
  assert.deepEqual(await Promise.all(connections.map(({ error }) => error)), ['', '', '']);
  const refused = client.connect(1);
  refused.stream.end();
  assert.equal(await refused.error, 'error forwarding port 1: connection refused');
  client.close();
});

test('WebSocket channels: port announced, then data', async () => {
  const url = await serve();
  url.search = '?ports=80';
  const ws = new WebSocket(url.href.replace('http', 'ws'), ['v4.channel.k8s.io']);
  const seen: Buffer[] = [];
  const answered = new Promise<void>((resolve) => {
    ws.on('message', (message: Buffer) => {
      if (message.readUInt8(0) !== 0) return;
      seen.push(message.subarray(1));
      if (Buffer.concat(seen).toString().endsWith('ping')) resolve();
    });
  });
  await once(ws, 'open');
  ws.send(Buffer.from('\0ping'));
  await answered;
  assert.deepEqual(Buffer.concat(seen), Buffer.concat([Buffer.from([80, 0]), Buffer.from('80:ping')]));
  ws.terminate();
});
