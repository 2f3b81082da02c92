import assert from 'node:assert/strict';
import { test } from 'node:test';
import { recursiveReadOnly, volumeMountStatus } from './recursive-read-only.js';

const mount = (recursive?: string, extra = {}) => ({
  name: 'data',
  mountPath: '/data',
  readOnly: true,
  ...(recursive ? { recursiveReadOnly: recursive } : {}),
  ...extra,
});

test('recursive read-only: as far as possible, or not at all', () => {
  assert.equal(recursiveReadOnly(mount(), true), false);
  assert.equal(recursiveReadOnly(mount('Disabled'), true), false);
  assert.equal(recursiveReadOnly(mount('IfPossible'), true), true);
  assert.equal(recursiveReadOnly(mount('IfPossible'), false), false);
  assert.equal(recursiveReadOnly(mount('Enabled', { mountPropagation: 'None' }), true), true);
  assert.throws(
    () => recursiveReadOnly(mount('Enabled'), false),
    /^Error: volume "data" requested recursive read-only mode, but it is not supported by the runtime$/,
  );
  assert.throws(() => recursiveReadOnly(mount('IfPossible', { readOnly: false }), true), /it is not read-only/);
  assert.throws(
    () => recursiveReadOnly(mount('IfPossible', { mountPropagation: 'HostToContainer' }), true),
    /not compatible with propagation "HostToContainer"/,
  );
});

test('the status tells what it came to', () => {
  const container = { name: 'c', volumeMounts: [mount('IfPossible'), mount(), mount(undefined, { readOnly: false })] };
  const status = (supported: boolean) =>
    volumeMountStatus(container, supported).map((of) => [of.readOnly, of.recursiveReadOnly]);
  assert.deepEqual(status(true), [
    [true, 'Enabled'],
    [true, 'Disabled'],
    [undefined, undefined],
  ]);
  assert.deepEqual(status(false)[0], [true, 'Disabled']);
  assert.deepEqual(volumeMountStatus({ name: 'c' }, true), []);
});
