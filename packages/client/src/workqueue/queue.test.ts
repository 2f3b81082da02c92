import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Logger } from '@kubelab/component-base';
import { ManualClock } from '../testing/manual-clock.js';
import { TerminalError, WorkQueue } from './queue.js';

const logger: Logger = {
  debug: () => undefined,
  info: () => undefined,
  warn: () => undefined,
  error: () => undefined,
  child: () => logger,
};

test('a key added twice is worked on once, and again when added during its work', async () => {
  const queue = new WorkQueue();
  queue.add('a');
  queue.add('a');
  queue.add('b');
  assert.equal(queue.length, 2);
  assert.equal(await queue.get(), 'a');
  queue.add('a');
  assert.equal(queue.length, 1, 'a waits until its work is done');
  assert.equal(await queue.get(), 'b');
  queue.done('b');
  queue.done('a');
  assert.equal(await queue.get(), 'a');
});

test('get waits for a key, and answers undefined after shutDown', async () => {
  const queue = new WorkQueue();
  const first = queue.get();
  const second = queue.get();
  queue.add('x');
  assert.equal(await first, 'x');
  queue.shutDown();
  assert.equal(await second, undefined);
  assert.equal(await queue.get(), undefined);
});

const delays: { name: string; adds: [key: string, ms: number][]; at: [ms: number, keys: string[]][] }[] = [
  {
    name: 'in the order they are due',
    adds: [
      ['a', 30],
      ['b', 10],
      ['c', 20],
    ],
    at: [
      [10, ['b']],
      [20, ['c']],
      [30, ['a']],
    ],
  },
  {
    name: 'the earlier of two times counts',
    adds: [
      ['a', 50],
      ['a', 10],
    ],
    at: [
      [10, ['a']],
      [60, []],
    ],
  },
  {
    name: 'a later time does not put off',
    adds: [
      ['a', 10],
      ['a', 50],
    ],
    at: [
      [10, ['a']],
      [60, []],
    ],
  },
  { name: 'zero is now', adds: [['a', 0]], at: [[0, ['a']]] },
];
for (const { name, adds, at } of delays) {
  test(`addAfter: ${name}`, async () => {
    const clock = new ManualClock();
    const queue = new WorkQueue({ clock });
    for (const [key, ms] of adds) queue.addAfter(key, ms);
    for (const [ms, keys] of at) {
      clock.advanceTo(ms);
      const got: string[] = [];
      while (queue.length > 0) {
        const key = (await queue.get()) as string;
        got.push(key);
        queue.done(key);
      }
      assert.deepEqual(got, keys, `at ${ms}`);
    }
  });
}

test('back-off doubles from 5 ms to 1000 s and starts anew after forget', () => {
  const clock = new ManualClock();
  const queue = new WorkQueue({ clock });
  const waits: number[] = [];
  for (let i = 0; i < 20; i++) {
    queue.addRateLimited('a');
    waits.push(clock.nextDueMs() - clock.now());
    clock.advanceTo(clock.nextDueMs());
    void queue.get();
    queue.done('a');
  }
  assert.deepEqual(waits.slice(0, 4), [5, 10, 20, 40]);
  assert.equal(waits[19], 1_000_000);
  queue.forget('a');
  queue.addRateLimited('a');
  assert.equal(clock.nextDueMs() - clock.now(), 5);
});

test('run: retries errors, not terminal ones, requeues when asked, never one key twice at a time', async () => {
  const clock = new ManualClock();
  const queue = new WorkQueue({ clock });
  const stop = new AbortController();
  const calls: string[] = [];
  const running = new Set<string>();
  const done = queue.run({
    workers: 4,
    logger,
    signal: stop.signal,
    reconcile: async (key) => {
      assert.ok(!running.has(key));
      running.add(key);
      await Promise.resolve();
      running.delete(key);
      calls.push(key);
      const times = calls.filter((k) => k === key).length;
      if (key === 'fails' && times < 3) throw new Error('again');
      if (key === 'terminal') throw new TerminalError('no');
      if (key === 'later' && times === 1) return { requeueAfterMs: 100 };
      return undefined;
    },
  });
  for (const key of ['fails', 'terminal', 'later', 'good']) queue.add(key);
  for (let i = 0; i < 50; i++) {
    await new Promise((resolve) => setImmediate(resolve));
    clock.advanceTo(clock.now() + 5);
  }
  stop.abort();
  await done;
  const count = (key: string): number => calls.filter((k) => k === key).length;
  assert.deepEqual(['fails', 'terminal', 'later', 'good'].map(count), [3, 1, 2, 1]);
});
