import assert from 'node:assert/strict';
import { test } from 'node:test';
import { RestartBackOff } from './restart-back-off.js';

const second = 1000;

test('a process that ends again and again waits as the kubelet lets a container wait', () => {
  const backOff = new RestartBackOff();
  const waits = Array.from({ length: 8 }, () => backOff.afterRunOf(2 * second) / second);
  assert.deepEqual(waits, [0, 10, 20, 40, 80, 160, 300, 300]);
});

test('a run of ten minutes, or a reset, starts over', () => {
  const backOff = new RestartBackOff();
  backOff.afterRunOf(second);
  backOff.afterRunOf(second);
  assert.equal(backOff.afterRunOf(599 * second), 20 * second);
  assert.equal(backOff.afterRunOf(600 * second), 0);
  assert.equal(backOff.afterRunOf(second), 10 * second);
  backOff.reset();
  assert.equal(backOff.afterRunOf(second), 0);
});
