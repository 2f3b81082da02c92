import assert from 'node:assert/strict';
import { test } from 'node:test';
import { encodeObject, withResourceVersion } from './encoding.js';
import { CacheItem } from './stored-item.js';

const parse = (b: Buffer) => JSON.parse(b.toString('utf8'));

test('the stored form has no resourceVersion and gets it back by a splice', () => {
  const object = {
    spec: { text: '"metadata":{ ü' },
    apiVersion: 'v1',
    kind: 'Thing',
    metadata: { name: 'a', resourceVersion: '5' },
  };
  const data = encodeObject(object);
  assert.ok(!data.includes('resourceVersion'));
  assert.deepEqual(parse(withResourceVersion(data, 77)), {
    ...object,
    metadata: { name: 'a', resourceVersion: '77' },
  });
});

test('empty metadata and values of other programs are read', () => {
  const empty = encodeObject({ apiVersion: 'v1', kind: 'Thing', metadata: {} });
  assert.equal(parse(withResourceVersion(empty, 3)).metadata.resourceVersion, '3');
  const foreign = Buffer.from('{"spec":{"metadata":{}},"metadata":{"name":"x","resourceVersion":"1"},"kind":"K"}');
  assert.deepEqual(parse(withResourceVersion(foreign, 9)), {
    kind: 'K',
    apiVersion: '',
    metadata: { name: 'x', resourceVersion: '9' },
    spec: { metadata: {} },
  });
  assert.throws(() => withResourceVersion(Buffer.from('not json'), 1), SyntaxError);
  assert.throws(() => withResourceVersion(Buffer.from('[1]'), 1), SyntaxError);
});

test('an item that cannot be read fails when asked, not before', () => {
  const item = new CacheItem('pods/a/b', 4, new Error('cannot decrypt'));
  assert.equal(item.revision, 4);
  assert.throws(() => item.object, /cannot decrypt/);
  assert.throws(() => item.bytes, /cannot decrypt/);
});
