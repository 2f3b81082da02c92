import assert from 'node:assert/strict';
import { test } from 'node:test';
import { cgroupfsPath, parseCgroupName, sliceComponent, sliceName, slicePath } from './cgroup-name.js';

const pod = ['kubepods', 'burstable', 'pod1234-abcd-5678'];

test('a name, as the cgroupfs driver has it', () => {
  assert.equal(cgroupfsPath(pod), '/kubepods/burstable/pod1234-abcd-5678');
  assert.equal(cgroupfsPath([]), '/');
  assert.deepEqual(parseCgroupName('/kubelab-x//node1/'), ['kubelab-x', 'node1']);
  assert.deepEqual(parseCgroupName('/'), []);
});

test('a name, as systemd has it', () => {
  assert.equal(sliceName(pod), 'kubepods-burstable-pod1234_abcd_5678.slice');
  assert.equal(sliceName([]), '-.slice');
  assert.equal(slicePath(pod), '/kubepods.slice/kubepods-burstable.slice/kubepods-burstable-pod1234_abcd_5678.slice');
  assert.equal(slicePath(['kubelab-x', 'a.example']), '/kubelab_x.slice/kubelab_x-a.example.slice');
});

test('slices in a slice', () => {
  assert.equal(sliceComponent(pod.slice(0, 2), sliceName(pod)), 'pod1234-abcd-5678');
  assert.equal(sliceComponent(['kubepods'], 'kubepods-burstable.slice'), 'burstable');
  assert.equal(sliceComponent([], 'kubepods.slice'), 'kubepods');
  for (const other of ['kubepods-burstable-pod1.slice', 'docker-12.scope', 'kubepods.slice', 'other-burstable.slice']) {
    assert.equal(sliceComponent(['kubepods'], other), undefined, other);
  }
});
