import assert from 'node:assert/strict';
import { once } from 'node:events';
import { createServer, type IncomingMessage, request, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import type { Duplex } from 'node:stream';
import { test } from 'node:test';
import { proxyUpgrade } from './index.js';

async function listen(server: Server): Promise<URL> {
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  return new URL(`http://127.0.0.1:${(server.address() as AddressInfo).port}/path?x=1`);
}

function proxyTo(target: URL): Server {
  const proxy = createServer();
  proxy.on('upgrade', (req, socket, head) => {
    void proxyUpgrade(req, socket, head, target);
  });
  return proxy;
}

const upgradeHeaders = { connection: 'Upgrade', upgrade: 'SPDY/3.1', authorization: 'Bearer secret' };

test('joins the two connections after a 101, without the caller’s credentials', async () => {
  const backend = createServer();
  let seen: IncomingMessage | undefined;
  backend.on('upgrade', (req, socket) => {
    seen = req;
    socket.write('HTTP/1.1 101 Switching Protocols\r\nUpgrade: SPDY/3.1\r\nConnection: Upgrade\r\n\r\nhello ');
    socket.pipe(socket);
  });
  const proxy = proxyTo(await listen(backend));
  const url = await listen(proxy);
  const call = request({ port: url.port, path: '/ignored', method: 'POST', headers: upgradeHeaders });
  call.end();
  const [, socket, head] = (await once(call, 'upgrade')) as [IncomingMessage, Duplex, Buffer];
  let text = head.toString();
  socket.on('data', (chunk) => {
    text += chunk;
  });
  socket.end('echo');
  await once(socket, 'end');
  assert.equal(text, 'hello echo');
  assert.equal(seen?.url, '/path?x=1');
  assert.equal(seen?.method, 'POST');
  assert.equal(seen?.headers.authorization, undefined);
  proxy.close();
  backend.close();
});

test('passes an ordinary answer back', async () => {
  const backend = createServer((_req, res) => {
    res.statusCode = 404;
    res.end('container not found');
  });
  backend.on('upgrade', (_req, socket) => {
    socket.end('HTTP/1.1 404 Not Found\r\nContent-Length: 19\r\n\r\ncontainer not found');
  });
  const proxy = proxyTo(await listen(backend));
  const url = await listen(proxy);
  const call = request({ port: url.port, headers: upgradeHeaders });
  call.end();
  const [res] = (await once(call, 'response')) as [IncomingMessage];
  let text = '';
  for await (const chunk of res) text += chunk;
  assert.equal(res.statusCode, 404);
  assert.equal(text, 'container not found');
  proxy.close();
  backend.close();
});

test('an unreachable target is a 502', async () => {
  // A port that is nobody's, and never given to somebody who asks for any.
  const proxy = proxyTo(new URL('http://127.0.0.1:1/path'));
  const url = await listen(proxy);
  const call = request({ port: url.port, headers: upgradeHeaders });
  call.end();
  const [res] = (await once(call, 'response')) as [IncomingMessage];
  assert.equal(res.statusCode, 502);
  res.resume();
  proxy.close();
});
