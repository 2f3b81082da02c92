import assert from 'node:assert/strict';
import { test } from 'node:test';
import { isolate } from './isolate.js';

const suspects = Array.from({ length: 1000 }, (_, i) => ({ owner: `s${i >> 1}`, id: i }));

test('one refused thing among many is found in few attempts', async () => {
  let attempts = 0;
  const found = await isolate(suspects, async (some) => {
    attempts++;
    return some.some((s) => s.id === 777) ? 'no' : undefined;
  });
  assert.deepEqual(found, { owner: 's388', error: 'no' });
  assert.ok(attempts < 13, `${attempts} attempts`);
});

test('of several one is found; what can be written now is nobody’s fault', async () => {
  const refused = new Set([3, 901]);
  const found = await isolate(suspects, async (some) => (some.some((s) => refused.has(s.id)) ? 'no' : undefined));
  assert.ok(found && ['s1', 's450'].includes(found.owner));
  assert.equal(await isolate(suspects, async () => undefined), undefined);
});
