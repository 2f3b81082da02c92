import assert from 'node:assert/strict';
import { test } from 'node:test';
import { inTurns } from './in-turns.js';

test('many items are visited in order, and others get their turn between them', async () => {
  const seen: number[] = [];
  let between = 0;
  setImmediate(() => {
    between = seen.length;
  });
  await inTurns([...Array(100_000).keys()], (item) => void seen.push(item));
  assert.deepEqual(seen.slice(0, 3), [0, 1, 2]);
  assert.equal(seen.at(-1), 99_999);
  assert.ok(between > 0 && between < 100_000);
});
