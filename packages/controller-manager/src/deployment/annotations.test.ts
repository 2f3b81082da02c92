import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Deployment, ReplicaSet } from '../framework/kinds.js';
import { maxRevision, newSetAnnotations, revisionAnnotation } from './annotations.js';

const set = (revision: string) =>
  ({ metadata: { annotations: { [revisionAnnotation]: revision } } }) as unknown as ReplicaSet;
const deployment = { metadata: { annotations: { a: 'b' } }, spec: { replicas: 1 } } as unknown as Deployment;

test('revisions are counted on beyond what a double can tell apart', () => {
  const next = maxRevision([set('3546343826724305832'), set('7'), set('none')]) + 1n;
  assert.equal(newSetAnnotations(deployment, undefined, next, false)[revisionAnnotation], '3546343826724305833');
});

test('a set that is rolled back to remembers the revisions it had', () => {
  const annotations = newSetAnnotations(deployment, { [revisionAnnotation]: '1' }, 3n, true);
  assert.deepEqual(annotations, {
    a: 'b',
    [revisionAnnotation]: '3',
    'deployment.kubernetes.io/revision-history': '1',
  });
});
