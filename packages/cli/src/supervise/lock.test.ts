import assert from 'node:assert/strict';
import { test } from 'node:test';
import { LockedError, takeLock } from './lock.js';

test('one holder at a time; a lock that is given back can be taken', async () => {
  const name = `kubelab-test-${process.pid}`;
  const lock = await takeLock(name);
  await assert.rejects(takeLock(name), LockedError);
  const other = await takeLock(`${name}-other`);
  await other.release();
  await lock.release();
  await (await takeLock(name)).release();
});
