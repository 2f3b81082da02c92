import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { waitFor } from '@kubelab/client';
import { CuttingProxy } from '@kubelab/storage/testing';
import { TestCluster } from './lib/cluster.js';
import type { ServiceProcess } from './lib/process.js';

const flags = [
  '--leader-elect-lease-duration=20s',
  '--leader-elect-renew-deadline=15s',
  '--leader-elect-retry-period=500ms',
];
const timeoutMs = 180_000;
const nodes = 10;
const perNode = 30;
let cluster: TestCluster;

before(async () => {
  cluster = await TestCluster.start();
  for (let i = 0; i < nodes; i++) await cluster.addNode(`n${i}`, { allocatable: { cpu: String(perNode) } });
});
after(() => cluster?.stop());

const leads = (p: ServiceProcess): boolean => p.log.includes('Successfully acquired lease');

/** Two schedulers; the first leads. */
async function pair(server?: string): Promise<[ServiceProcess, ServiceProcess]> {
  const first = await cluster.run('scheduler', flags, server);
  await waitFor('a leader', () => leads(first), { timeoutMs });
  return [first, await cluster.run('scheduler', flags)];
}

async function scheduled(): Promise<Map<string, number>> {
  const counts = new Map<string, number>();
  for (const { spec } of (await cluster.pods.list()).items) {
    if (spec?.nodeName) counts.set(spec.nodeName, (counts.get(spec.nodeName) ?? 0) + 1);
  }
  return counts;
}

const sum = (counts: Map<string, number>): number => [...counts.values()].reduce((a, b) => a + b, 0);

test('kill -9 of the leader while pods come: the other goes on, all pods are scheduled once and no node is overfull', async () => {
  const [first, second] = await pair();
  const total = nodes * perNode;
  const history = new Map<string, Set<string>>();
  const stop = new AbortController();
  const { metadata } = await cluster.pods.list();
  const watching = (async () => {
    for await (const { object } of cluster.pods.watch({
      resourceVersion: metadata.resourceVersion,
      signal: stop.signal,
    })) {
      const { nodeName } = object.spec ?? {};
      const key = object.metadata?.uid ?? '';
      if (nodeName) history.set(key, (history.get(key) ?? new Set()).add(nodeName));
    }
  })();
  const names = Array.from({ length: total }, (_, i) => `p${i}`);
  const creating = (async () => {
    for (let i = 0; i < total; i += 10) {
      await Promise.all(names.slice(i, i + 10).map((n) => cluster.addPod(n, {}, '1')));
    }
  })();
  await waitFor('the first pods to be scheduled', async () => sum(await scheduled()) > total / 5, {
    timeoutMs,
    intervalMs: 10,
  });
  await first.end('SIGKILL');
  await creating;
  // The nodes have room for exactly these pods: one counted twice or forgotten would leave another without a node.
  await waitFor('all pods to be scheduled', async () => sum(await scheduled()) === total, { timeoutMs });
  assert.ok(leads(second));
  assert.deepEqual(new Set((await scheduled()).values()), new Set([perNode]));
  await waitFor('the watch to see them', () => history.size === total, { timeoutMs });
  assert.deepEqual(
    [...history.values()].filter((s) => s.size !== 1),
    [],
  );
  stop.abort();
  await watching;
  assert.equal(await second.end('SIGTERM'), 0);
  await Promise.all(names.map((n) => cluster.pods.delete(n, { gracePeriodSeconds: 0 })));
});

test('a leader whose connection is cut ends itself before the other leads', async () => {
  const proxy = new CuttingProxy(cluster.api.port);
  await proxy.listen();
  const [first, second] = await pair(`https://127.0.0.1:${proxy.port}`);
  await cluster.addPod('before', {}, '1');
  await cluster.nodeOf('before');
  let secondLedFirst = false;
  const ended = first.exited.then((code) => {
    secondLedFirst = leads(second);
    return code;
  });
  proxy.freeze();
  await cluster.addPod('meanwhile', {}, '1');
  assert.equal(await ended, 1);
  assert.equal(secondLedFirst, false);
  await cluster.nodeOf('meanwhile');
  assert.ok(leads(second));
  await proxy.close();
  await second.end('SIGTERM');
});

test('SIGTERM hands over at once: the other need not wait for the lease to run out', async () => {
  const slow = flags.map((f) => f.replace('duration=20s', 'duration=10m'));
  const first = await cluster.run('scheduler', slow);
  await waitFor('a leader', () => leads(first), { timeoutMs });
  const second = await cluster.run('scheduler', slow);
  assert.equal(await first.end('SIGTERM'), 0);
  await cluster.addPod('handed', {}, '1');
  await cluster.nodeOf('handed');
  assert.ok(leads(second));
});
