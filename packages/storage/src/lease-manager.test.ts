import assert from 'node:assert/strict';
import { it } from 'node:test';
import { LeaseManager } from './lease-manager.js';

it('shares a lease among the writes of a minute, and forgets one that was not granted', async () => {
  let now = 0;
  const asked: number[] = [];
  const leases = new LeaseManager(
    async (seconds) => {
      asked.push(seconds);
      if (asked.length === 3) throw new Error('no etcd');
      return String(asked.length);
    },
    () => now,
  );
  assert.equal(await leases.leaseFor(3600), '1');
  now = 59_000;
  assert.equal(await leases.leaseFor(3600), '1');
  now = 61_000;
  assert.equal(await leases.leaseFor(3600), '2');
  now = 122_000;
  await assert.rejects(leases.leaseFor(3600), /no etcd/);
  assert.equal(await leases.leaseFor(3600), '4');
  assert.deepEqual(asked, [3660, 3660, 3660, 3660]);
});
