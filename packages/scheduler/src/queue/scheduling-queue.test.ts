import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { V1Pod } from '@kubelab/api';
import type { Clock } from '@kubelab/client';
import type { EventRegistration } from '../framework/events.js';
import type { QueuedPod } from '../framework/plugin.js';
import { prioritySort } from '../plugins/priority-sort.js';
import { schedulingGates } from '../plugins/scheduling-gates.js';
import { aPod } from '../testing/objects.js';
import { SchedulingQueue } from './scheduling-queue.js';

/** Time goes on only when told. */
class Manual implements Clock {
  private time = 1_000_000;
  private timers: { due: number; fn: () => void }[] = [];
  now = (): number => this.time;
  after(ms: number, fn: () => void): () => void {
    const timer = { due: this.time + ms, fn };
    this.timers.push(timer);
    return () => {
      this.timers = this.timers.filter((t) => t !== timer);
    };
  }
  advance(ms: number): void {
    const end = this.time + ms;
    for (;;) {
      const next = this.timers.filter((t) => t.due <= end).sort((a, b) => a.due - b.due)[0];
      if (!next) break;
      this.timers = this.timers.filter((t) => t !== next);
      this.time = next.due;
      next.fn();
    }
    this.time = end;
  }
}

const sort = prioritySort();
const gates = schedulingGates();
const onNodes: EventRegistration<V1Pod>[] = [{ resource: 'Node', actions: ['Add'], hint: (_p, e) => e.now === 'big' }];

function setUp() {
  const clock = new Manual();
  const queue = new SchedulingQueue({
    less: (a, b) => sort.less?.(a, b) ?? false,
    gatedBy: (pod) => (gates.preEnqueue?.(pod) ? 'SchedulingGates' : undefined),
    registrations: () =>
      new Map([
        ['Fit', onNodes],
        ['Deaf', []],
      ]),
    initialBackoffMs: 1_000,
    maxBackoffMs: 10_000,
    clock,
  });
  const popName = () => queue.pop()?.info.pod.metadata?.name;
  const fail = (queued: QueuedPod | undefined, ...plugins: string[]) => {
    if (!queued) throw new Error('nothing was popped');
    queued.rejectedBy = new Set(plugins);
    queue.addUnschedulable(queued);
  };
  return { clock, queue, popName, fail };
}
const bigNode = { resource: 'Node', action: 'Add', now: 'big' } as const;
const smallNode = { resource: 'Node', action: 'Add', now: 'small' } as const;

test('by priority, then by age', () => {
  const { queue, clock, popName } = setUp();
  queue.add(aPod('old', { priority: 1 }));
  clock.advance(1);
  queue.add(aPod('young', { priority: 1 }));
  queue.add(aPod('urgent', { priority: 5 }));
  assert.deepEqual([popName(), popName(), popName(), popName()], ['urgent', 'old', 'young', undefined]);
});

test('a rejected pod waits for an event that its plugin asked for and the hint approves', () => {
  const { queue, clock, popName, fail } = setUp();
  queue.add(aPod('p'));
  fail(queue.pop(), 'Fit');
  clock.advance(60_000);
  assert.equal(popName(), undefined);
  queue.moveOn(smallNode);
  queue.moveOn({ resource: 'Namespace', action: 'Add' });
  assert.deepEqual(queue.counts(), { active: 0, backoff: 0, unschedulable: 1, gated: 0 });
  queue.moveOn(bigNode);
  assert.equal(popName(), 'p');
});

test('the back-off doubles with each attempt up to the limit', () => {
  const { queue, clock, popName, fail } = setUp();
  queue.add(aPod('p'));
  for (const seconds of [1, 2, 4, 8, 10, 10]) {
    fail(queue.pop(), 'Fit');
    queue.moveOn(bigNode);
    assert.equal(queue.counts().backoff, 1);
    clock.advance(seconds * 1_000 - 1);
    assert.equal(queue.counts().active, 0, `before ${seconds} s`);
    clock.advance(1);
    assert.equal(queue.counts().active, 1, `after ${seconds} s`);
  }
  assert.equal(popName(), 'p');
});

test('with nothing else to do a pod that was helped is taken before its time', async () => {
  const { queue, popName, fail } = setUp();
  queue.add(aPod('p'));
  queue.add(aPod('q'));
  fail(queue.pop(), 'Fit');
  queue.moveOn(bigNode);
  assert.deepEqual([popName(), popName(), popName()], ['q', 'p', undefined]);
  const waits = queue.waitForPods();
  queue.add(aPod('r'));
  const r = queue.pop();
  queue.moveOn(bigNode);
  fail(r, 'Fit');
  await waits;
  assert.equal(popName(), 'r');
});

test('an error is tried again without any event', () => {
  const { queue, clock, popName, fail } = setUp();
  queue.add(aPod('p'));
  fail(queue.pop());
  assert.equal(queue.counts().backoff, 1);
  assert.equal(popName(), undefined);
  clock.advance(1_000);
  assert.equal(popName(), 'p');
});

test('an event while the pod is being scheduled is not missed', () => {
  const { queue, fail } = setUp();
  queue.add(aPod('p'));
  queue.add(aPod('q'));
  const p = queue.pop();
  queue.moveOn(bigNode);
  const q = queue.pop();
  fail(p, 'Fit');
  fail(q, 'Fit');
  // q was popped after the event: it saw the node.
  assert.deepEqual(queue.counts(), { active: 0, backoff: 1, unschedulable: 1, gated: 0 });
});

test('a pod that nothing woke is tried again after five minutes', () => {
  const { queue, clock, popName, fail } = setUp();
  queue.add(aPod('p'));
  fail(queue.pop(), 'Deaf');
  clock.advance(299_000);
  assert.equal(popName(), undefined);
  clock.advance(32_000);
  assert.equal(popName(), 'p');
});

test('gated pods wait until their gates are gone', () => {
  const { queue, popName } = setUp();
  const gated = aPod('p', { spec: { schedulingGates: [{ name: 'g' }] } });
  queue.add(gated);
  assert.deepEqual(queue.counts(), { active: 0, backoff: 0, unschedulable: 0, gated: 1 });
  queue.moveOn({ resource: '*', action: '*' });
  assert.equal(popName(), undefined);
  queue.update(gated, { ...gated, spec: { containers: [] } }, []);
  assert.equal(popName(), 'p');
});

test('a change of the pod itself that helps wakes it, others do not', () => {
  const { queue, clock, fail } = setUp();
  const pod = aPod('p');
  queue.add(pod);
  fail(queue.pop(), 'Fit');
  clock.advance(60_000);
  queue.update(pod, pod, [{ resource: 'UnscheduledPod', action: 'UpdatePodLabel' }]);
  assert.equal(queue.counts().unschedulable, 1);
  queue.update(pod, pod, [{ resource: 'Node', action: 'Add', now: 'big' }]);
  assert.equal(queue.counts().active, 1);
});

test('a deleted pod is gone from everywhere, its nomination too', () => {
  const { queue, popName } = setUp();
  queue.add(aPod('p', { status: { nominatedNodeName: 'n' } }));
  assert.equal(queue.nominator.nodeFor('default/p'), 'n');
  queue.delete('default/p');
  assert.equal(popName(), undefined);
  assert.deepEqual(queue.nominator.on('n'), []);
});

test('waiting ends with a pod, and with close', async () => {
  const { queue } = setUp();
  const first = queue.waitForPods();
  queue.add(aPod('p'));
  await first;
  queue.pop();
  const second = queue.waitForPods();
  queue.close();
  await second;
});
