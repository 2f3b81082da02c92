import assert from 'node:assert/strict';
import { test } from 'node:test';
import { etcdElection } from './election-flags.js';

const flags = (lock: string, servers: string[], caFile?: string) => ({
  string: () => lock,
  strings: () => servers,
  optionalString: (name: string) => (name === 'etcd-cafile' ? caFile : undefined),
});

test('the lock is held in the API server or in etcd', () => {
  assert.equal(etcdElection(flags('leases', []), 'kube-system', 'x'), undefined);
  assert.deepEqual(etcdElection(flags('etcd', ['https://a:2379'], '/ca'), 'kube-system', 'x'), {
    etcd: { servers: ['https://a:2379'], caFile: '/ca' },
    prefix: '/kubelab/election/kube-system/x/',
  });
  assert.throws(() => etcdElection(flags('etcd', []), 'kube-system', 'x'), /needs --etcd-servers/);
  assert.throws(() => etcdElection(flags('endpoints', []), 'kube-system', 'x'), /neither leases nor etcd/);
});
