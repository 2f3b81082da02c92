import assert from 'node:assert/strict';
import { test } from 'node:test';
import { inParts } from './parts.js';

async function parts(items: number[] | undefined): Promise<number[][]> {
  const seen: number[][] = [];
  for await (const { part } of inParts(Promise.resolve(items), (part) => ({ part }), 2)) seen.push(part);
  return seen;
}

test('each item is in one message, and no message is empty', async () => {
  assert.deepEqual(await parts([1, 2, 3, 4, 5]), [[1, 2], [3, 4], [5]]);
  assert.deepEqual(await parts([1, 2]), [[1, 2]]);
  assert.deepEqual(await parts([]), []);
  assert.deepEqual(await parts(undefined), []);
});

test('a list that fails fails the stream', async () => {
  const stream = inParts(Promise.reject(new Error('no Docker')), (part) => ({ part }));
  await assert.rejects(stream.next(), /no Docker/);
});
