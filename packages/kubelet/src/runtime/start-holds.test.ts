import assert from 'node:assert/strict';
import { test } from 'node:test';
import { StartHolds, sandboxHold } from './start-holds.js';

test('what failed waits longer each time, up to ten seconds, until it has started', () => {
  let now = 0;
  const holds = new StartHolds(() => now);
  assert.equal(holds.remaining('main'), 0);
  assert.equal(holds.fail('main'), 1_000);
  now = 400;
  assert.equal(holds.remaining('main'), 600);
  assert.equal(holds.remaining(sandboxHold), 0);
  now = 1_000;
  assert.equal(holds.remaining('main'), 0);
  assert.deepEqual(
    [1, 2, 3, 4].map(() => holds.fail('main')),
    [2_000, 4_000, 8_000, 10_000],
  );
  holds.clear('main');
  assert.equal(holds.remaining('main'), 0);
  assert.equal(holds.fail('main'), 1_000);
});
