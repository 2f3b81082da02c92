import assert from 'node:assert/strict';
import { linkSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:http';
import { createServer as createSocketServer, type Server } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { layoutOf } from '../cluster/layout.js';
import { controlSocket, SupervisorClient, serveControl } from './control-socket.js';

const runDir = mkdtempSync(join(tmpdir(), 'kubelab-control-'));
const layout = { ...layoutOf('test'), runDir };
const socket = controlSocket(layout);
const client = new SupervisorClient(layout);
after(() => rmSync(runDir, { recursive: true }));

/** Closes a server, and with it its socket. */
const close = (server: Server) => new Promise((resolve) => server.close(resolve));

test('no supervisor: no socket, one that nobody listens on, one whose listener ends when it is asked', async () => {
  assert.equal(await client.build(), undefined);
  const dead = createSocketServer();
  await new Promise<void>((resolve) => dead.listen(join(runDir, 'other'), resolve));
  // A name that stays when its listener is closed, as that of a process that was killed does.
  linkSync(join(runDir, 'other'), socket);
  await close(dead);
  assert.equal(await client.build(), undefined);
  rmSync(socket);
  const ending = createSocketServer((connection) => connection.destroy());
  await new Promise<void>((resolve) => ending.listen(socket, resolve));
  assert.equal(await client.build(), undefined);
  await close(ending);
});

test('the build of the one that answers', async () => {
  const api = { build: 'b1', ensure: async () => 'running' as const, states: () => ({}) };
  const server = await serveControl(layout, api);
  assert.equal(await client.build(), 'b1');
  await close(server);
});

test('anything else is an error with its cause', async () => {
  const answers: [number, string, RegExp][] = [
    [500, '{"error":"out of order"}', /^the supervisor of cluster test: out of order$/],
    [200, 'no JSON', /^the supervisor of cluster test: Unexpected token/],
  ];
  for (const [status, body, message] of answers) {
    const server = createServer((_q, res) => res.writeHead(status).end(body));
    await new Promise<void>((resolve) => server.listen(socket, resolve));
    await assert.rejects(client.build(), (e: Error) => message.test(e.message) && e.cause instanceof Error);
    await close(server);
  }
  writeFileSync(socket, '');
  const elsewhere = new SupervisorClient({ ...layout, runDir: socket });
  const isNoFolder = (e: Error) => (e.cause as NodeJS.ErrnoException).code === 'ENOTDIR';
  await assert.rejects(elsewhere.build(), isNoFolder);
});
