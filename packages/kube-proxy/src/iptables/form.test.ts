import assert from 'node:assert/strict';
import { test } from 'node:test';
import { formFor } from './form.js';

test("kube-proxy's threshold, and a way back that does not flap", () => {
  assert.equal(formFor(1000, undefined), 'full');
  assert.equal(formFor(1001, undefined), 'large');
  assert.equal(formFor(10_001, undefined), 'compact');
  assert.equal(formFor(950, 'large'), 'large');
  assert.equal(formFor(900, 'large'), 'full');
  assert.equal(formFor(9500, 'compact'), 'compact');
  assert.equal(formFor(9500, 'large'), 'large');
  assert.equal(formFor(9000, 'compact'), 'large');
  assert.equal(formFor(20_000, 'full'), 'compact');
  assert.equal(formFor(0, 'compact'), 'full');
});
