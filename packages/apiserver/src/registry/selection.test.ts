import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { ResourceEntry } from '@kubelab/api';
import type { KubeObject } from '@kubelab/apimachinery';
import { CacheItem } from '@kubelab/storage';
import { selectionOf } from './selection.js';

const entryWith = (read: (object: KubeObject) => string) =>
  ({
    group: '',
    resource: 'pods',
    namespaced: true,
    selectableFields: { 'spec.nodeName': read },
  }) as unknown as ResourceEntry;

test('a cached object is decoded once for all selections of its row', () => {
  const object: KubeObject = {
    apiVersion: 'v1',
    kind: 'Pod',
    metadata: { name: 'a', namespace: 'n', labels: { app: 'x' } },
  };
  const item = new CacheItem('pods/n/a', 1, Buffer.from(JSON.stringify(object)));
  let reads = 0;
  const entry = entryWith(() => {
    reads++;
    return 'node1';
  });
  const table: [string, boolean][] = [
    ['fieldSelector=spec.nodeName%3Dnode1', true],
    ['fieldSelector=spec.nodeName%3Dnode2', false],
    ['fieldSelector=metadata.name%3Da,metadata.namespace%3Dn', true],
    ['labelSelector=app%3Dx&fieldSelector=spec.nodeName!%3Dnode2', true],
    ['labelSelector=app+in+(y)', false],
  ];
  for (const [query, expected] of table) {
    const selection = selectionOf(entry, new URLSearchParams(query));
    assert.equal(selection.matchesItem(item), expected, query);
    assert.equal(reads, 1);
  }
  // A definition that changed makes another row, with other fields.
  const changed = selectionOf(
    entryWith(() => 'node2'),
    new URLSearchParams('fieldSelector=spec.nodeName%3Dnode2'),
  );
  assert.equal(changed.matchesItem(item), true);
});
