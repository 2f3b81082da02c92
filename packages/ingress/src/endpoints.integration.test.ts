import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { Agent } from 'node:http';
import { after, before, test } from 'node:test';
import { setTimeout as delay } from 'node:timers/promises';
import { type Backend, type Echo, ingress, path, type Reply, TestProxy } from './testing/test-proxy.js';
import { acceptingWorkers } from './workers.js';

// Endpoints come and go under load, without a reload of nginx.

let proxy: TestProxy;
const roll = ingress('roll', { rules: [{ host: 'roll', http: { paths: [path('/', 'roll')] } }] });

before(async () => {
  proxy = await TestProxy.start({ workers: 2 });
});
after(() => proxy.stop());

const master = () => Number(readFileSync(`${proxy.dir}/nginx.pid`, 'utf8'));

/** The backend of an answer. */
const backendOf = (reply: Reply): string => (JSON.parse(reply.body) as Echo).backend;

/** 10 clients that ask until told to stop, some on connections that they keep, some on one for each request. */
class Load {
  readonly failures: string[] = [];
  /** Answers by the backend that gave them. */
  private readonly answers = new Map<string, number>();
  /** Requests that each client has got over. */
  private readonly done: number[] = [];
  private readonly agent = new Agent({ keepAlive: true, maxSockets: 8 });
  private readonly sockets = new Set<unknown>();
  private readonly clients: Promise<void>[];
  private isOver = false;

  constructor(url: string, methods: string[]) {
    this.agent.on('free', (socket) => this.sockets.add(socket));
    const kept = Array.from({ length: 8 }, (_, i) => methods[i % methods.length] ?? 'GET');
    this.clients = [...kept, 'GET', 'GET'].map((method, i) => this.ask(i, url, method, i < kept.length));
  }

  /** How often a backend has answered. */
  answersOf(backend: string): number {
    return this.answers.get(backend) ?? 0;
  }

  /** Waits until a backend has answered that often from now on. */
  async answered(backend: string, times = 1): Promise<void> {
    const wanted = this.answersOf(backend) + times;
    await this.until(`${times} answers of ${backend}`, () => this.answersOf(backend) >= wanted);
  }

  /** Waits until all requests are over that are under way now. */
  async turn(): Promise<void> {
    const before = [...this.done];
    await this.until('each client to end a request', () => this.done.every((n, i) => n > (before[i] ?? 0)));
  }

  /** Ends the clients after the requests under way, and returns how many connections they kept. */
  async stop(): Promise<number> {
    this.isOver = true;
    await Promise.all(this.clients);
    this.agent.destroy();
    return this.sockets.size;
  }

  private async until(what: string, isReached: () => boolean): Promise<void> {
    const deadline = Date.now() + 60_000;
    while (!isReached()) {
      assert.deepEqual(this.failures, []);
      assert.ok(Date.now() < deadline, `timed out waiting for ${what}`);
      await delay(10);
    }
  }

  private async ask(client: number, url: string, method: string, isKept: boolean): Promise<void> {
    this.done[client] = 0;
    while (!this.isOver) {
      const body = method === 'POST' ? 'x' : '';
      await proxy.get(url, { method, body, ...(isKept ? { agent: this.agent } : {}) }).then(
        (reply) => {
          if (reply.status !== 200) this.failures.push(String(reply.status));
          else this.answers.set(backendOf(reply), this.answersOf(backendOf(reply)) + 1);
        },
        (error: Error) => this.failures.push(error.message),
      );
      this.done[client] = (this.done[client] ?? 0) + 1;
      // Together about 200 requests a second.
      await delay(50);
    }
  }
}

test('all endpoints of a Service get requests', async () => {
  const backends = await Promise.all(Array.from({ length: 10 }, (_, i) => proxy.backend(`p${i}`)));
  proxy.addService(
    'ten',
    backends.map((b) => b.port),
  );
  await proxy.apply(ingress('ten', { defaultBackend: { service: { name: 'ten', port: { number: 80 } } } }));
  const seen = new Set<string>();
  for (let i = 0; i < 100; i++) seen.add(backendOf(await proxy.get('http://ten/')));
  assert.equal(seen.size, 10);
});

test('a rolling update at 200 requests a second: none fails, no kept connection ends, nginx is not reloaded', async (t) => {
  let pods: Backend[] = [await proxy.backend('v1-0'), await proxy.backend('v1-1'), await proxy.backend('v1-2')];
  proxy.addService(
    'roll',
    pods.map((b) => b.port),
  );
  await proxy.apply(roll);
  const before = await acceptingWorkers(master());
  const clients = new Load('http://roll/', ['GET', 'POST']);
  t.after(() => clients.stop());
  // Three times over all pods: a new one is ready, an old one leaves the endpoints and ends, in this order.
  for (let i = 0; i < 9; i++) {
    const fresh = await proxy.backend(`v2-${i}`);
    pods = [...pods, fresh];
    proxy.addService(
      'roll',
      pods.map((b) => b.port),
    );
    await proxy.reconcile();
    await clients.answered(fresh.name);
    const [old, ...rest] = pods as [Backend, ...Backend[]];
    pods = rest;
    proxy.addService(
      'roll',
      pods.map((b) => b.port),
    );
    await proxy.reconcile();
    // What nginx had sent to the old one, or was about to.
    await clients.turn();
    const last = clients.answersOf(old.name);
    await clients.answered(fresh.name, 2);
    assert.equal(clients.answersOf(old.name), last, `${old.name} is asked no more`);
    await old.stop();
  }
  const connections = await clients.stop();
  assert.deepEqual(clients.failures, []);
  assert.ok(connections <= 8, `${connections} connections for 8 clients`);
  assert.deepEqual(await acceptingWorkers(master()), before);
});

test('a pod that dies before its endpoint is gone: others are asked in its place', async (t) => {
  const [alive, dead] = [await proxy.backend('alive'), await proxy.backend('dead')];
  proxy.addService('roll', [alive.port, dead.port]);
  await proxy.apply(roll);
  // What may change something is not sent twice, so it may be lost with the pod.
  const clients = new Load('http://roll/', ['GET']);
  t.after(() => clients.stop());
  await Promise.all([clients.answered(alive.name), clients.answered(dead.name)]);
  dead.die();
  await clients.answered(alive.name, 100);
  await clients.stop();
  assert.deepEqual(clients.failures, []);
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
