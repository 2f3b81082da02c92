import assert from 'node:assert/strict';
import { test } from 'node:test';
import { StepLoop } from './step-loop.js';

const mustNotFail = (error: unknown) => assert.fail(`a step failed: ${error}`);
const turns = async (n = 20) => {
  for (let i = 0; i < n; i++) await Promise.resolve();
};

test('woken while a step runs, it runs once more, however often it was woken', async () => {
  const steps: (() => void)[] = [];
  const loop = new StepLoop(() => new Promise((resolve) => steps.push(() => resolve(undefined))), mustNotFail);
  loop.wake();
  loop.wake();
  loop.wake();
  assert.equal(steps.length, 1);
  steps[0]?.();
  await turns();
  assert.equal(steps.length, 2);
  steps[1]?.();
  await turns();
  assert.equal(steps.length, 2);
  await loop.end();
});

test('it runs again after the time a step asks for, and when it is woken before that', async (t) => {
  t.mock.timers.enable({ apis: ['setTimeout'] });
  const asked: (number | undefined)[] = [0, 5_000, 5_000, undefined, undefined];
  let count = 0;
  const loop = new StepLoop(async () => asked[count++], mustNotFail);
  const after = async (ms: number) => {
    t.mock.timers.tick(ms);
    await turns();
    return count;
  };
  loop.wake();
  await turns();
  assert.equal(count, 1);
  assert.equal(await after(1), 2, '0: at once');
  assert.equal(await after(4_999), 2);
  assert.equal(await after(1), 3);
  loop.wake();
  await turns();
  assert.equal(count, 4);
  assert.equal(await after(5_000), 4, 'the time that was asked for before is void');
  assert.equal(await after(300_000), 5, 'in case an event was missed');
  await loop.end();
});

test('a step that fails is repeated after 1, 2, 4, 8, 10, 10 seconds, and from 1 on after one that did not', async (t) => {
  t.mock.timers.enable({ apis: ['setTimeout'] });
  const failed: string[] = [];
  let fails = true;
  let count = 0;
  const loop = new StepLoop(
    async () => {
      count++;
      if (fails) throw new Error(`step ${count}`);
      return undefined;
    },
    (error) => failed.push((error as Error).message),
  );
  loop.wake();
  await turns();
  for (const seconds of [1, 2, 4, 8, 10, 10]) {
    const before = count;
    t.mock.timers.tick(seconds * 1000 - 1);
    await turns();
    assert.equal(count, before);
    t.mock.timers.tick(1);
    await turns();
    assert.equal(count, before + 1);
  }
  assert.deepEqual(
    failed,
    [1, 2, 3, 4, 5, 6, 7].map((n) => `step ${n}`),
  );
  fails = false;
  loop.wake();
  await turns();
  fails = true;
  loop.wake();
  await turns();
  const before = count;
  t.mock.timers.tick(1000);
  await turns();
  assert.equal(count, before + 1);
  await loop.end();
});

test('after its end no step is begun, and the one under way is waited for', async (t) => {
  t.mock.timers.enable({ apis: ['setTimeout'] });
  let count = 0;
  let finish = (): void => undefined;
  const loop = new StepLoop(() => {
    count++;
    return new Promise((resolve) => {
      finish = () => resolve(0);
    });
  }, mustNotFail);
  loop.wake();
  let isEnded = false;
  const end = loop.end().then(() => {
    isEnded = true;
  });
  await turns();
  assert.equal(isEnded, false);
  finish();
  await end;
  loop.wake();
  t.mock.timers.tick(300_000);
  await turns();
  assert.equal(count, 1);
});
