import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Turns } from './turns.js';

test('no more than so many at once, the others in order, failures included', async () => {
  const turns = new Turns(2);
  let active = 0;
  let most = 0;
  const order: number[] = [];
  const work = (index: number) =>
    turns.run(async () => {
      order.push(index);
      most = Math.max(most, ++active);
      await new Promise((resolve) => setImmediate(resolve));
      active--;
      if (index % 2) throw new Error('odd');
    });
  const results = await Promise.allSettled([0, 1, 2, 3, 4, 5].map(work));
  assert.deepEqual([most, active], [2, 0]);
  assert.deepEqual(order, [0, 1, 2, 3, 4, 5]);
  assert.equal(results.filter((result) => result.status === 'rejected').length, 3);
});
