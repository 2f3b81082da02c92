import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { PersistentVolumeClaim, StorageClass } from '../framework/kinds.js';
import { helperPod } from './directory-helper.js';
import { checkOwnDirectory, hostnameOfVolume, hostPathVolume } from './provision.js';

const claim = {
  metadata: { namespace: 'ns', name: 'data', uid: '186ffb34-2a83-40c8-9712-1355019f9eb0' },
  spec: { accessModes: ['ReadWriteOnce'], storageClassName: 'standard', resources: { requests: { storage: '1Gi' } } },
} as unknown as PersistentVolumeClaim;
const storageClass = { metadata: { name: 'standard' }, reclaimPolicy: 'Delete' } as unknown as StorageClass;

test('a directory volume belongs to its claim and its node', () => {
  const volume = hostPathVolume(claim, storageClass, '/volumes', 'n1');
  assert.equal(volume.spec?.hostPath?.path, '/volumes/pvc-186ffb34-2a83-40c8-9712-1355019f9eb0');
  assert.equal(volume.spec?.claimRef?.uid, claim.metadata.uid);
  assert.equal(hostnameOfVolume(volume), 'n1');
});

test('only directories of the provisioner are removed', () => {
  const volume = hostPathVolume(claim, storageClass, '/volumes', 'n1');
  checkOwnDirectory(volume, '/volumes');
  assert.throws(() => checkOwnDirectory(volume, '/other'), /host_path deleter only supports/);
  volume.metadata = { ...volume.metadata, name: 'mine' };
  assert.throws(() => checkOwnDirectory(volume, '/volumes'), /host_path deleter only supports/);
});

test('a directory is made and removed by a pod on its node', () => {
  const request = { volumeName: 'pvc-1', claim: 'ns/data' };
  const make = helperPod('a', { ...request, task: 'make', node: 'n1' }, 'image', '/volumes');
  assert.equal(make.spec?.nodeName, 'n1');
  assert.deepEqual(make.spec?.containers[0]?.command, ['mkdir', '-p', '-m', '0777', '/volumes/pvc-1']);
  const remove = helperPod('b', { ...request, task: 'remove' }, 'image', '/volumes');
  assert.equal(remove.spec?.nodeName, undefined);
  assert.deepEqual(remove.spec?.containers[0]?.command, ['rm', '-rf', '/volumes/pvc-1']);
});
