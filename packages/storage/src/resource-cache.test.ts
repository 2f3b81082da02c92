import assert from 'node:assert/strict';
import { test } from 'node:test';
import { ResourceCache } from './resource-cache.js';
import { CompactedError } from './store.js';
import { CacheItem } from './stored-item.js';
import { prefixOf } from './watch-cache.js';

const item = (key: string, revision: number) =>
  new CacheItem(key, revision, {
    apiVersion: 'v1',
    kind: 'Pod',
    metadata: { name: key, resourceVersion: `${revision}` },
  });

test('lists are sorted by key and cut at the prefix', () => {
  const cache = new ResourceCache(0);
  for (const [i, key] of ['pods/b/1', 'pods/a/2', 'pods/a/1', 'pods/aa/1'].entries()) cache.put(item(key, i + 1));
  assert.deepEqual(
    cache.list('pods/a/').map((i) => i.key),
    ['pods/a/1', 'pods/a/2'],
  );
  cache.remove('pods/a/1', 9);
  assert.deepEqual(
    cache.list('pods/').map((i) => i.key),
    ['pods/a/2', 'pods/aa/1', 'pods/b/1'],
  );
});

test('changes since a revision, and 410 for those that are not kept', () => {
  const cache = new ResourceCache(5, { least: 2, most: 3 });
  assert.throws(() => cache.eventsSince(4), CompactedError);
  assert.deepEqual(cache.eventsSince(5), []);
  for (let r = 6; r <= 10; r++) cache.put(item('pods/a/x', r));
  assert.deepEqual(
    cache.eventsSince(8).map((e) => e.revision),
    [9, 10],
  );
  assert.deepEqual(
    cache.eventsSince(7).map((e) => e.previous?.revision),
    [7, 8, 9],
  );
  assert.throws(() => cache.eventsSince(6), CompactedError);
});

test('keys belong to the resource prefix that Kubernetes lays out', () => {
  assert.equal(prefixOf('pods/default/a'), 'pods');
  assert.equal(prefixOf('services/specs/default/a'), 'services/specs');
  assert.equal(prefixOf('stable.example.com/crontabs/default/a'), 'stable.example.com/crontabs');
  assert.equal(prefixOf('namespaces/a.b'), 'namespaces');
});
