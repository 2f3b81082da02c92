import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { V1FlowSchema, V1PriorityLevelConfiguration } from '@kubelab/api';
import { StatusError } from '@kubelab/apimachinery';
import { Registry } from '@kubelab/component-base';
import { parseRequestInfo } from '../request-info.js';
import { defaultFlowSchemas, defaultPriorityLevels } from './default-objects.js';
import { type Admission, Fairness } from './fairness.js';
import { MaxInFlight } from './max-in-flight.js';
import { QueueSet, RejectedError, type Release } from './queue-set.js';
import { divideSeats, nominalSeats } from './seat-limits.js';
import { dealHand, hashFlow } from './shuffle-shard.js';

const user = (name: string, ...groups: string[]) => ({ name, groups: [...groups, 'system:authenticated'] });
const uidOf = (name: string) => `uid-${name}`;

function stock(totalSeats = 600): Fairness {
  const fairness = new Fairness({ totalSeats, waitLimitMs: 1000, metrics: new Registry() });
  const withUid = <T>(list: object[]) =>
    list.map((o) => {
      const object = o as { metadata: { name: string } };
      return { ...object, metadata: { ...object.metadata, uid: uidOf(object.metadata.name) } };
    }) as T[];
  fairness.configure(
    withUid<V1FlowSchema>(defaultFlowSchemas),
    withUid<V1PriorityLevelConfiguration>(defaultPriorityLevels),
  );
  return fairness;
}

test('hands have different cards, all within the deck', () => {
  for (let i = 0; i < 200; i++) {
    const hand = dealHand(hashFlow('schema', `user-${i}`), 64, 6);
    assert.equal(new Set(hand).size, 6);
    assert.ok(hand.every((card) => card >= 0 && card < 64));
  }
  assert.deepEqual(dealHand(12345, 3, 8).sort(), [0, 1, 2]);
});

test('stock flow schemas classify as on a stock cluster', () => {
  const fairness = stock();
  const cases: [ReturnType<typeof user>, string, string, string][] = [
    [user('admin', 'system:masters'), 'GET', '/api/v1/pods', 'exempt'],
    [user('anyone'), 'GET', '/healthz', 'probes'],
    [
      user('system:kube-scheduler'),
      'PUT',
      '/apis/coordination.k8s.io/v1/namespaces/kube-system/leases/kube-scheduler',
      'system-leader-election',
    ],
    [user('system:kube-scheduler'), 'GET', '/api/v1/pods', 'kube-scheduler'],
    [user('system:node:a', 'system:nodes'), 'PATCH', '/api/v1/nodes/a/status', 'system-node-high'],
    [user('system:node:a', 'system:nodes'), 'GET', '/api/v1/pods', 'system-nodes'],
    [user('system:serviceaccount:kube-system:x'), 'GET', '/api/v1/pods', 'kube-system-service-accounts'],
    [user('system:serviceaccount:a:x', 'system:serviceaccounts'), 'GET', '/api/v1/pods', 'service-accounts'],
    [user('jane'), 'GET', '/api/v1/namespaces/a/pods', 'global-default'],
  ];
  for (const [who, method, path, schema] of cases) {
    const admission = fairness.admit(who, parseRequestInfo(method, path)) as Admission;
    assert.equal(admission.flowSchemaUid, uidOf(schema), `${who.name} ${method} ${path}`);
    admission.release();
  }
});

test('seats are divided by shares, and lent to those that want them', () => {
  const levels = [
    { name: 'a', nominalShares: 30 },
    { name: 'b', nominalShares: 70 },
  ];
  assert.deepEqual(
    [...nominalSeats(levels, 100)],
    [
      ['a', 30],
      ['b', 70],
    ],
  );
  const idle = { lendablePercent: 50, smoothDemand: 0, highDemand: 0 };
  const divided = divideSeats(
    [
      { name: 'busy', nominalShares: 20, lendablePercent: 0, smoothDemand: 80, highDemand: 80 },
      { name: 'idle', nominalShares: 80, ...idle },
    ],
    100,
  );
  assert.ok((divided.get('busy')?.current ?? 0) > 50);
  assert.equal(divided.get('idle')?.lower, 40);
  assert.ok((divided.get('idle')?.current ?? 0) >= 40);
});

test('a queue set serves a light flow beside a heavy one', async () => {
  let ms = 0;
  const set = new QueueSet(1, { queues: 16, handSize: 4, queueLengthLimit: 50 }, () => ms);
  const order: string[] = [];
  const running: Promise<void>[] = [];
  const start = (flow: string) => {
    const seat = set.admit(hashFlow('s', flow), flow, 1, 5000);
    running.push(
      Promise.resolve(seat).then(async (release: Release) => {
        order.push(flow);
        await new Promise((resolve) => setImmediate(resolve));
        ms += 10;
        release();
      }),
    );
  };
  for (let i = 0; i < 60; i++) start('elephant');
  start('mouse');
  await Promise.all(running);
  assert.ok(order.indexOf('mouse') < 10, `the light flow waited behind ${order.indexOf('mouse')} of the heavy one`);
  assert.equal(set.seatsInUse, 0);
  assert.equal(set.waitingCount, 0);
});

test('full queues, waits that are too long, and clients that go', async () => {
  const set = new QueueSet(1, { queues: 1, handSize: 1, queueLengthLimit: 2 });
  const first = set.admit(1, 'f', 1, 1000) as Release;
  const timedOut = set.admit(1, 'f', 1, 10) as Promise<Release>;
  const gone = new AbortController();
  const cancelled = set.admit(1, 'f', 1, 1000, gone.signal) as Promise<Release>;
  assert.throws(
    () => set.admit(1, 'f', 1, 1000),
    (e) => e instanceof RejectedError && e.reason === 'queue-full',
  );
  gone.abort();
  await assert.rejects(cancelled, (e) => e instanceof RejectedError && e.reason === 'cancelled');
  await assert.rejects(timedOut, (e) => e instanceof RejectedError && e.reason === 'time-out');
  first();
  first();
  assert.equal(set.seatsInUse, 0);
  const reject = new QueueSet(1, undefined);
  reject.admit(1, 'f', 1, 1000);
  assert.throws(() => reject.admit(1, 'f', 1, 1000), RejectedError);
});

test('a rejected request is answered 429 with a time to come back', async () => {
  const fairness = new Fairness({ totalSeats: 1, waitLimitMs: 10, metrics: new Registry() });
  const info = parseRequestInfo('GET', '/api/v1/pods');
  const held = fairness.admit(user('jane'), info) as Admission;
  assert.throws(
    () => fairness.admit(user('jane'), info),
    (e) => e instanceof StatusError && e.code === 429 && e.status.details?.retryAfterSeconds === 1,
  );
  held.release();
  assert.ok(fairness.dump('/debug/api_priority_and_fairness/dump_priority_levels')?.includes('catch-all'));
});

test('max in flight: reads and writes apart, watches not counted, admins always', () => {
  const limits = new MaxInFlight(1, 1);
  const get = parseRequestInfo('GET', '/api/v1/pods');
  const release = limits.admit(user('a'), get);
  assert.throws(() => limits.admit(user('b'), get), StatusError);
  limits.admit(user('admin', 'system:masters'), get)();
  limits.admit(user('b'), parseRequestInfo('GET', '/api/v1/pods?watch=1'));
  limits.admit(user('b'), parseRequestInfo('POST', '/api/v1/namespaces/a/pods'))();
  release();
  limits.admit(user('b'), get)();
  assert.equal(limits.reading, 0);
});
