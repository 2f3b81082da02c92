import assert from 'node:assert/strict';
import { afterEach, beforeEach, test } from 'node:test';
import { createLogger } from '@kubelab/component-base';
import { LeaderElector } from './leader-election.js';
import { Client } from './rest/client.js';
import { CutProxy } from './testing/cut-proxy.js';
import { LeaseServer } from './testing/lease-server.js';

const quiet = createLogger({ component: 'test', format: 'text', verbosity: 0 });
/** So long that a busy machine ends no leadership, but where a test waits for the end of one. */
const times = { leaseDurationMs: 90_000, renewDeadlineMs: 60_000, retryPeriodMs: 100 };
const shortTimes = { ...times, leaseDurationMs: 9_000, renewDeadlineMs: 6_000 };
let server: LeaseServer;
const ends: (() => Promise<void> | void)[] = [];

beforeEach(async () => {
  server = new LeaseServer();
  await server.start();
});
afterEach(async () => {
  for (const end of ends.splice(0).reverse()) await end();
  await server.stop();
});

/** Something to wait for that a callback brings about. */
function signalled(): { done: Promise<void>; set(): void } {
  let set: () => void = () => undefined;
  const done = new Promise<void>((resolve) => {
    set = resolve;
  });
  return { done, set };
}

function candidate(
  identity: string,
  log: string[],
  o: { port?: number; work?: Promise<void>; times?: typeof times } = {},
) {
  const client = new Client({ server: `http://127.0.0.1:${o.port ?? server.port}` });
  const stop = new AbortController();
  const started = signalled();
  const stopped = signalled();
  const elector = new LeaderElector({
    client,
    leaseName: 'l',
    identity,
    logger: quiet,
    ...(o.times ?? times),
    onStartedLeading: (signal) => {
      log.push(`${identity} leads`);
      started.set();
      return o.work ?? new Promise((resolve) => signal.addEventListener('abort', () => resolve(), { once: true }));
    },
    onStoppedLeading: () => {
      log.push(`${identity} stopped`);
      stopped.set();
    },
  });
  const running = elector.run(stop.signal);
  const end = async (): Promise<void> => {
    stop.abort();
    await running;
    client.close();
  };
  ends.push(end);
  return { elector, end, started: started.done, stopped: stopped.done, running };
}

test('durations that can not work are refused', () => {
  const client = new Client({ server: server.url });
  const make = (o: object) =>
    new LeaderElector({
      client,
      leaseName: 'l',
      identity: 'a',
      logger: quiet,
      onStartedLeading: () => undefined,
      ...times,
      ...o,
    });
  assert.throws(
    () => make({ leaseDurationMs: times.renewDeadlineMs }),
    /leaseDuration must be greater than renewDeadline/,
  );
  assert.throws(
    () => make({ retryPeriodMs: times.renewDeadlineMs - 100 }),
    /renewDeadline must be greater than retryPeriod/,
  );
  client.close();
});

test('contested: one leads at a time, and each release lets another lead', async () => {
  const log: string[] = [];
  const all = new Map(['a', 'b', 'c', 'd'].map((id) => [id, candidate(id, log)]));
  const order: string[] = [];
  while (all.size > 0) {
    await Promise.race([...all.values()].map((c) => c.started));
    const [leader] = [...all].find(([id]) => log[log.length - 1] === `${id} leads`) ?? [];
    assert.ok(leader, log.join(', '));
    order.push(leader);
    await all.get(leader)?.end();
    all.delete(leader);
  }
  assert.deepEqual([...order].sort(), ['a', 'b', 'c', 'd']);
  // Never two at once: each start is followed by that one's stop.
  assert.deepEqual(
    log,
    order.flatMap((id) => [`${id} leads`, `${id} stopped`]),
  );
  assert.equal(server.lease?.spec.holderIdentity, '');
  assert.equal(server.lease?.spec.leaseTransitions, 3);
});

test('a cut connection: the leader stops before another starts, though its work hangs', async () => {
  const proxy = new CutProxy(server.port);
  await proxy.start();
  ends.push(() => proxy.stop());
  const log: string[] = [];
  const hung = signalled();
  const first = candidate('first', log, { port: proxy.port, work: hung.done, times: shortTimes });
  await first.started;
  const second = candidate('second', log, { times: shortTimes });
  proxy.cut();
  await Promise.all([first.stopped, second.started]);
  assert.deepEqual(log, ['first leads', 'first stopped', 'second leads']);
  hung.set();
  await first.running;
});

test('a leader that finds the lease in other hands stops at once', async () => {
  const log: string[] = [];
  const a = candidate('a', log);
  await a.started;
  server.lease = {
    metadata: { name: 'l', resourceVersion: 'x' },
    spec: { holderIdentity: 'thief', leaseTransitions: 1 },
  };
  await a.stopped;
  assert.deepEqual(log, ['a leads', 'a stopped']);
  assert.equal(server.lease.spec.holderIdentity, 'thief');
});

test('answers of 500 for less than the renew deadline do not end leading', async () => {
  const log: string[] = [];
  const a = candidate('a', log);
  await a.started;
  const { reply } = server;
  let failures = 3;
  server.reply = (req, res, url) => {
    if (failures-- > 0) res.writeHead(500).end();
    else reply(req, res, url);
  };
  const puts = () => server.requests.filter((r) => r.method === 'PUT').length;
  const before = puts();
  await server.until(() => puts() > before + 1);
  assert.deepEqual(log, ['a leads']);
});
