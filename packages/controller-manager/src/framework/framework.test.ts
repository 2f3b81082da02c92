import assert from 'node:assert/strict';
import test from 'node:test';
import type { V1Taint, V1Toleration } from '@kubelab/api';
import { withCondition } from './conditions.js';
import { Expectations } from './expectations.js';
import { scaledValue } from './int-or-percent.js';
import { slowStartBatch } from './slow-start.js';
import { templateHash } from './template-hash.js';
import { evictionDelayMs } from './tolerations.js';

test('scaled values', () => {
  assert.equal(scaledValue('25%', 10, true), 3);
  assert.equal(scaledValue('25%', 10, false), 2);
  assert.equal(scaledValue(4, 10, false), 4);
  assert.throws(() => scaledValue('4', 10, false));
});

test('expectations hold until seen or expired', () => {
  let now = 0;
  const expectations = new Expectations(() => now);
  assert.ok(expectations.satisfied('k'));
  expectations.expect('k', 2, ['u']);
  expectations.creationObserved('k', 2);
  assert.ok(!expectations.satisfied('k'));
  expectations.deletionObserved('k', 'u');
  assert.ok(expectations.satisfied('k'));
  expectations.expectCreations('k', 1);
  now = 5 * 60_000 + 1;
  assert.ok(expectations.satisfied('k'));
});

test('batches start slowly and stop at the first error', async () => {
  let calls = 0;
  const result = await slowStartBatch(100, async () => {
    calls++;
    throw new Error('quota');
  });
  assert.equal(calls, 1);
  assert.equal(result.successes, 0);
  assert.equal((await slowStartBatch(7, async () => undefined)).successes, 7);
});

test('hashes are stable and depend on content only', () => {
  const hash = templateHash({ a: 1, b: { c: 2 } }, undefined);
  assert.equal(templateHash({ b: { c: 2 }, a: 1, d: null }, 0), hash);
  assert.notEqual(templateHash({ a: 1, b: { c: 2 } }, 1), hash);
  assert.match(hash, /^[bcdfghjklmnpqrstvwxz2456789]+$/);
});

test('a condition keeps its transition time while its status does', () => {
  const old = { type: 'A', status: 'True', reason: 'x', lastTransitionTime: 't0' };
  assert.deepEqual(withCondition([old], { ...old, lastTransitionTime: 't1' }), [old]);
  assert.equal(withCondition([old], { ...old, reason: 'y', lastTransitionTime: 't1' })[0]?.lastTransitionTime, 't0');
  assert.equal(
    withCondition([old], { ...old, status: 'False', lastTransitionTime: 't1' })[0]?.lastTransitionTime,
    't1',
  );
});

test('when a pod must leave a tainted node', () => {
  const taint: V1Taint = { key: 'k', effect: 'NoExecute' };
  const cases: [string, V1Taint[], V1Toleration[], ReturnType<typeof evictionDelayMs>][] = [
    ['no taint', [], [], 'never'],
    ['not tolerated', [taint], [], 'now'],
    ['tolerated for ever', [taint], [{ key: 'k', operator: 'Exists' }], 'never'],
    ['for a time', [taint], [{ key: 'k', operator: 'Exists', tolerationSeconds: 300 }], 300_000],
    [
      'the shortest counts',
      [taint],
      [{ operator: 'Exists' }, { key: 'k', operator: 'Exists', tolerationSeconds: 5 }],
      5000,
    ],
    ['zero', [taint], [{ key: 'k', operator: 'Exists', tolerationSeconds: 0 }], 'now'],
    ['other effect', [taint], [{ key: 'k', operator: 'Exists', effect: 'NoSchedule' }], 'now'],
  ];
  for (const [name, taints, tolerations, expected] of cases) {
    assert.equal(evictionDelayMs(taints, tolerations), expected, name);
  }
});
