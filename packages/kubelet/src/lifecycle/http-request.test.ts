import assert from 'node:assert/strict';
import { once } from 'node:events';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { after, before, test } from 'node:test';
import { httpGet } from './http-request.js';

let server: Server;
let port = 0;

before(async () => {
  server = createServer((req, res) => {
    const redirect = (location: string) => res.writeHead(302, { location }).end('moved');
    if (req.url === '/local') redirect('/ok');
    else if (req.url === '/foreign') redirect('http://localhost:1/');
    else if (req.url === '/loop') redirect('/loop');
    else if (req.url === '/ok') res.end(`fine ${req.headers['x-a']}`);
    else if (req.url !== '/silent') res.writeHead(500).end();
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  ({ port } = server.address() as AddressInfo);
});

after(() => {
  server.closeAllConnections();
  server.close();
});

const get = (path: string, timeoutMs = 60_000) =>
  httpGet({ path, port, httpHeaders: [{ name: 'X-A', value: 'b' }] }, { name: 'c' }, '127.0.0.1', {
    timeoutMs,
    userAgent: 'test',
  });

test('redirects to the same host are followed, with the headers; others are the answer', async () => {
  assert.deepEqual(await get('local'), { status: 200, body: 'fine b', location: undefined });
  assert.deepEqual(await get('/foreign'), { status: 302, body: 'moved', location: 'http://localhost:1/' });
  assert.equal((await get('/broken')).status, 500);
});

test('a loop of redirects and a silent server end with an error', async () => {
  await assert.rejects(get('/loop'), { message: `Get "http://127.0.0.1:${port}/loop": stopped after 10 redirects` });
  await assert.rejects(get('/silent', 50), /silent": context deadline exceeded/);
});
