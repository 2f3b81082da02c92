import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { Agent } from 'node:http';
import { after, before, test } from 'node:test';
import { setTimeout as delay } from 'node:timers/promises';
import { type Backend, type Echo, ingress, path, TestProxy } from './testing/test-proxy.js';
import { acceptingWorkers } from './workers.js';

// Endpoints come and go under load, without a reload of nginx.

let proxy: TestProxy;
const roll = ingress('roll', { rules: [{ host: 'roll', http: { paths: [path('/', 'roll')] } }] });

before(async () => {
  proxy = await TestProxy.start({ workers: 2 });
});
after(() => proxy.stop());

const master = () => Number(readFileSync(`${proxy.dir}/nginx.pid`, 'utf8'));

/** Clients that ask until told to stop, some on connections that they keep, some on one for each request. */
function load(
  url: string,
  methods = ['GET', 'POST'],
): { stop(): Promise<{ count: number; failures: string[]; connections: number }> } {
  const agent = new Agent({ keepAlive: true, maxSockets: 8 });
  let isDone = false;
  let count = 0;
  const failures: string[] = [];
  const sockets = new Set<unknown>();
  agent.on('free', (socket) => sockets.add(socket));
  const client = async (kept: boolean, method: string) => {
    while (!isDone) {
      const body = method === 'POST' ? 'x' : '';
      await proxy.get(url, { method, body, ...(kept ? { agent } : {}) }).then(
        ({ status }) => status === 200 || failures.push(String(status)),
        (error: Error) => failures.push(error.message),
      );
      count++;
      // 10 clients, together about 200 requests a second.
      await delay(50);
    }
  };
  const kept = Array.from({ length: 8 }, (_, i) => client(true, methods[i % methods.length] ?? 'GET'));
  const all = [...kept, client(false, 'GET'), client(false, 'GET')];
  return {
    async stop() {
      isDone = true;
      await Promise.all(all);
      agent.destroy();
      return { count, failures, connections: sockets.size };
    },
  };
}

test('all endpoints of a Service get requests', async () => {
  const backends = await Promise.all(Array.from({ length: 10 }, (_, i) => proxy.backend(`p${i}`)));
  proxy.addService(
    'ten',
    backends.map((b) => b.port),
  );
  await proxy.apply(ingress('ten', { defaultBackend: { service: { name: 'ten', port: { number: 80 } } } }));
  const seen = new Set<string>();
  for (let i = 0; i < 100; i++) seen.add((JSON.parse((await proxy.get('http://ten/')).body) as Echo).backend);
  assert.equal(seen.size, 10);
});

test('a rolling update at 200 requests a second: none fails, no kept connection ends, nginx is not reloaded', async () => {
  let pods: Backend[] = [await proxy.backend('v1-0'), await proxy.backend('v1-1'), await proxy.backend('v1-2')];
  proxy.addService(
    'roll',
    pods.map((b) => b.port),
  );
  await proxy.apply(roll);
  const before = await acceptingWorkers(master());
  const clients = load('http://roll/');
  // Three times over all pods: a new one is ready, an old one leaves the endpoints and ends, in this order.
  for (let i = 0; i < 9; i++) {
    const fresh = await proxy.backend(`v2-${i}`);
    pods = [...pods, fresh];
    proxy.addService(
      'roll',
      pods.map((b) => b.port),
    );
    await proxy.reconcile();
    const [old, ...rest] = pods as [Backend, ...Backend[]];
    pods = rest;
    proxy.addService(
      'roll',
      pods.map((b) => b.port),
    );
    await proxy.reconcile();
    await delay(100);
    await old.stop();
  }
  const { count, failures, connections } = await clients.stop();
  assert.deepEqual(failures, []);
  assert.ok(count > 50, `${count} requests`);
  assert.ok(connections <= 8, `${connections} connections for 8 clients`);
  assert.deepEqual(await acceptingWorkers(master()), before);
});

test('a pod that dies before its endpoint is gone: others are asked in its place', async () => {
  // What may change something is not sent twice, so it may be lost with the pod.
  const methods = ['GET'];
  const [alive, dead] = [await proxy.backend('alive'), await proxy.backend('dead')];
  proxy.addService('roll', [alive.port, dead.port]);
  await proxy.apply(roll);
  const clients = load('http://roll/', methods);
  await delay(200);
  await dead.stop();
  await delay(500);
  const { failures } = await clients.stop();
  assert.deepEqual(failures, []);
});

test('nginx starts again by itself when it is killed, with the endpoints of before', async () => {
  const backend = await proxy.backend('again');
  proxy.addService('roll', [backend.port]);
  await proxy.apply(roll);
  const workers = await acceptingWorkers(master());
  for (const pid of [master(), ...workers]) process.kill(Number(pid), 'SIGKILL');
  const deadline = Date.now() + 30_000;
  while ((await proxy.who('http://roll/x')) !== 'again /x') {
    assert.ok(Date.now() < deadline, 'nginx is not back');
    await delay(50);
  }
});

test('endpoints can be sent by nobody else', async () => {
  const text = readFileSync(`${proxy.dir}/nginx.conf`, 'utf8');
  const port = /listen 127\.0\.0\.1:(\d+);/.exec(text)?.[1];
  const post = (token: string) =>
    fetch(`http://127.0.0.1:${port}/endpoints`, {
      method: 'POST',
      headers: { 'x-token': token },
      body: 'x 127.0.0.1:1\n',
    });
  assert.equal((await post('')).status, 403);
  assert.equal((await post('wrong')).status, 403);
});
