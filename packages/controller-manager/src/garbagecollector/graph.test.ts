import assert from 'node:assert/strict';
import test from 'node:test';
import type { V1OwnerReference } from '@kubelab/api';
import { OwnershipGraph } from './graph.js';

function setup() {
  const deletes: string[] = [];
  const orphans: string[] = [];
  const graph = new OwnershipGraph({
    attemptToDelete: (uid) => deletes.push(uid),
    attemptToOrphan: (uid) => orphans.push(uid),
  });
  const take = (): string[] => deletes.splice(0);
  return { graph, take, orphans };
}

const owner = (uid: string, block = true): V1OwnerReference => ({
  apiVersion: 'v1',
  kind: 'Thing',
  name: uid,
  uid,
  blockOwnerDeletion: block,
});

function object(uid: string, owners: V1OwnerReference[] = [], finalizers?: string[]) {
  return {
    apiVersion: 'v1',
    kind: 'Thing',
    metadata: {
      name: uid,
      namespace: 'ns',
      uid,
      ownerReferences: owners,
      finalizers,
      deletionTimestamp: finalizers && '2026-01-01T00:00:00Z',
    },
  };
}

test('an owner that is gone makes its dependents be looked at', () => {
  const { graph, take } = setup();
  graph.observe(object('a'));
  graph.observe(object('b', [owner('a')]));
  assert.deepEqual(take(), []);
  graph.remove('a');
  assert.deepEqual(take(), ['b']);
});

test('an unknown owner is looked for, and its dependents follow when it is not there', () => {
  const { graph, take } = setup();
  graph.observe(object('b', [owner('a')]));
  assert.deepEqual(take(), ['a']);
  assert.equal(graph.node('a')?.virtual, true);
  graph.remove('a');
  assert.deepEqual(take(), ['b']);
});

test('a virtual owner becomes real when it is observed', () => {
  const { graph, take } = setup();
  graph.observe(object('b', [owner('a')]));
  take();
  graph.observe(object('a'));
  assert.equal(graph.node('a')?.virtual, false);
  assert.deepEqual(take(), []);
});

test('foreground deletion waits for blocking dependents', () => {
  const { graph, take } = setup();
  graph.observe(object('a'));
  graph.observe(object('b', [owner('a')]));
  graph.observe(object('c', [owner('a', false)]));
  graph.observe(object('a', [], ['foregroundDeletion']));
  assert.deepEqual(take().sort(), ['a', 'b', 'c']);
  const node = graph.node('a');
  assert.ok(node?.deletingDependents);
  assert.deepEqual(
    graph.blockingDependents(node).map(({ identity }) => identity.uid),
    ['b'],
  );
  graph.remove('b');
  assert.ok(take().includes('a'));
  assert.deepEqual(graph.blockingDependents(node), []);
});

test('orphaning is asked for by its finalizer', () => {
  const { graph, orphans } = setup();
  graph.observe(object('a', [], ['orphan']));
  assert.deepEqual(orphans, ['a']);
});

test('a reference taken away unlinks and unblocks', () => {
  const { graph, take } = setup();
  graph.observe(object('a', [], ['foregroundDeletion']));
  graph.observe(object('b', [owner('a')]));
  take();
  graph.observe(object('b'));
  assert.deepEqual(take(), ['a']);
  assert.equal(graph.node('a')?.dependents.size, 0);
});

test('a reference with a wrong name is looked at again', () => {
  const { graph, take } = setup();
  graph.observe(object('a'));
  graph.observe(object('b', [{ ...owner('a'), name: 'other' }]));
  assert.deepEqual(take(), ['b']);
});
