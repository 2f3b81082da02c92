import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import {
  applyJsonPatch,
  applyMergePatch,
  applyStrategicMergePatch,
  createTwoWayMergePatch,
  type Schema,
  StatusError,
} from './index.js';

describe('JSON patch', () => {
  const cases: [string, unknown, unknown[], unknown][] = [
    ['add', { a: 1 }, [{ op: 'add', path: '/b', value: 2 }], { a: 1, b: 2 }],
    ['append', { a: [1] }, [{ op: 'add', path: '/a/-', value: 2 }], { a: [1, 2] }],
    ['insert', { a: [1, 3] }, [{ op: 'add', path: '/a/1', value: 2 }], { a: [1, 2, 3] }],
    ['remove', { a: [1, 2] }, [{ op: 'remove', path: '/a/0' }], { a: [2] }],
    ['replace root', { a: 1 }, [{ op: 'replace', path: '', value: { b: 1 } }], { b: 1 }],
    ['escapes', { 'a/b': { '~': 1 } }, [{ op: 'replace', path: '/a~1b/~0', value: 2 }], { 'a/b': { '~': 2 } }],
    ['move', { a: 1 }, [{ op: 'move', from: '/a', path: '/b' }], { b: 1 }],
    ['copy', { a: { x: 1 } }, [{ op: 'copy', from: '/a', path: '/b' }], { a: { x: 1 }, b: { x: 1 } }],
    ['test', { a: [1] }, [{ op: 'test', path: '/a', value: [1] }], { a: [1] }],
    ['add null', { a: 1 }, [{ op: 'add', path: '/a', value: null }], { a: null }],
  ];
  for (const [name, doc, ops, expected] of cases) {
    it(name, () => assert.deepEqual(applyJsonPatch(doc, ops), expected));
  }
  it('a value that is left out is null, as clients with omitempty have it', () => {
    assert.deepEqual(applyJsonPatch({ a: { b: 1 } }, [{ op: 'replace', path: '/a' }]), { a: null });
  });
  it('refuses with 422 what does not apply, with 400 what is no patch', () => {
    const doc = { a: [1], b: {} };
    const bad: [unknown, number][] = [
      [[{ op: 'test', path: '/a/0', value: 2 }], 422],
      [[{ op: 'remove', path: '/x' }], 422],
      [[{ op: 'replace', path: '/b/c', value: 1 }], 422],
      [[{ op: 'add', path: '/x/y/z', value: 1 }], 422],
      [[{ op: 'add', path: '/a/5', value: 1 }], 422],
      [[{ op: 'nope', path: '/a' }], 422],
      [[{ op: 'add' }], 422],
      [{}, 400],
      [[1], 400],
    ];
    for (const [ops, code] of bad) {
      assert.throws(
        () => applyJsonPatch(doc, ops),
        (e) => e instanceof StatusError && e.code === code,
        JSON.stringify(ops),
      );
    }
    assert.deepEqual(doc, { a: [1], b: {} });
  });
  it('does not reach prototypes', () => {
    const out = applyJsonPatch({}, [{ op: 'add', path: '/__proto__', value: { polluted: 1 } }]) as Record<
      string,
      unknown
    >;
    assert.equal(({} as Record<string, unknown>).polluted, undefined);
    assert.equal(Object.getPrototypeOf(out), Object.prototype);
  });
});

describe('merge patch', () => {
  it('follows RFC 7386', () => {
    const cases: [unknown, unknown, unknown][] = [
      [{ a: 'b' }, { a: 'c' }, { a: 'c' }],
      [{ a: 'b' }, { b: 'c' }, { a: 'b', b: 'c' }],
      [{ a: 'b', b: 'c' }, { a: null }, { b: 'c' }],
      [{ a: ['b'] }, { a: 'c' }, { a: 'c' }],
      [{ a: { b: 'c' } }, { a: { b: 'd', c: null } }, { a: { b: 'd' } }],
      [{ a: 'foo' }, { a: { bb: { ccc: null } } }, { a: { bb: {} } }],
    ];
    for (const [doc, patch, expected] of cases) assert.deepEqual(applyMergePatch(doc, patch), expected);
    assert.throws(() => applyMergePatch({}, []), StatusError);
  });
  it('is made from two documents', () => {
    const a = { x: 1, y: { z: 1, w: 2 }, l: [1] };
    const b = { y: { z: 2, w: 2 }, l: [2], n: 1 };
    const patch = createTwoWayMergePatch(a, b);
    assert.deepEqual(patch, { x: null, y: { z: 2 }, l: [2], n: 1 });
    assert.deepEqual(applyMergePatch(a, patch), b);
  });
});

describe('strategic merge patch', () => {
  const container: Schema = {
    type: 'object',
    properties: {
      name: { type: 'string' },
      image: { type: 'string' },
      env: {
        type: 'array',
        items: { type: 'object', properties: { name: { type: 'string' }, value: { type: 'string' } } },
        'x-kubernetes-patch-strategy': 'merge',
        'x-kubernetes-patch-merge-key': 'name',
      },
      args: { type: 'array', items: { type: 'string' } },
    },
  };
  const schema: Schema = {
    type: 'object',
    properties: {
      finalizers: { type: 'array', items: { type: 'string' }, 'x-kubernetes-patch-strategy': 'merge' },
      labels: { type: 'object', additionalProperties: { type: 'string' } },
      strategy: {
        type: 'object',
        'x-kubernetes-patch-strategy': 'retainKeys',
        properties: {
          type: { type: 'string' },
          rollingUpdate: { type: 'object', properties: { maxSurge: { type: 'string' } } },
        },
      },
      containers: {
        type: 'array',
        items: { $ref: 'container' },
        'x-kubernetes-patch-strategy': 'merge',
        'x-kubernetes-patch-merge-key': 'name',
      },
    },
  };
  const resolve = (ref: string) => (ref === 'container' ? container : undefined);
  const cases: [string, unknown, unknown, unknown][] = [
    [
      'merges lists by key',
      {
        containers: [
          { name: 'a', image: '1' },
          { name: 'b', image: '1' },
        ],
      },
      {
        containers: [
          { name: 'b', image: '2' },
          { name: 'c', image: '3' },
        ],
      },
      {
        containers: [
          { name: 'a', image: '1' },
          { name: 'b', image: '2' },
          { name: 'c', image: '3' },
        ],
      },
    ],
    [
      'replaces atomic lists',
      { containers: [{ name: 'a', args: ['x'] }] },
      { containers: [{ name: 'a', args: ['y'] }] },
      { containers: [{ name: 'a', args: ['y'] }] },
    ],
    [
      'deletes an element',
      { containers: [{ name: 'a' }, { name: 'b' }] },
      { containers: [{ $patch: 'delete', name: 'a' }] },
      { containers: [{ name: 'b' }] },
    ],
    [
      'replaces a list',
      { containers: [{ name: 'a' }, { name: 'b' }] },
      { containers: [{ name: 'c' }, { $patch: 'replace' }] },
      { containers: [{ name: 'c' }] },
    ],
    [
      'replaces a map',
      { labels: { a: '1', b: '2' } },
      { labels: { $patch: 'replace', c: '3' } },
      { labels: { c: '3' } },
    ],
    ['deletes a map', { labels: { a: '1' }, finalizers: [] }, { labels: { $patch: 'delete' } }, { finalizers: [] }],
    ['deletes a field by null', { labels: { a: '1', b: '2' } }, { labels: { a: null } }, { labels: { b: '2' } }],
    ['adds to a primitive list', { finalizers: ['a'] }, { finalizers: ['b', 'a'] }, { finalizers: ['a', 'b'] }],
    [
      'deletes from a primitive list',
      { finalizers: ['a', 'b'] },
      { '$deleteFromPrimitiveList/finalizers': ['a'] },
      { finalizers: ['b'] },
    ],
    [
      'orders elements',
      { containers: [{ name: 'a' }, { name: 'b' }, { name: 's' }] },
      {
        '$setElementOrder/containers': [{ name: 'b' }, { name: 'c' }, { name: 'a' }],
        containers: [{ name: 'c', image: 'x' }],
      },
      { containers: [{ name: 'b' }, { name: 'c', image: 'x' }, { name: 'a' }, { name: 's' }] },
    ],
    [
      'retains keys',
      { strategy: { type: 'RollingUpdate', rollingUpdate: { maxSurge: '1' } } },
      { strategy: { $retainKeys: ['type'], type: 'Recreate' } },
      { strategy: { type: 'Recreate' } },
    ],
    [
      'goes through references',
      { containers: [{ name: 'a', env: [{ name: 'X', value: '1' }] }] },
      {
        containers: [
          {
            name: 'a',
            env: [
              { name: 'Y', value: '2' },
              { name: 'X', $patch: 'delete' },
            ],
          },
        ],
      },
      { containers: [{ name: 'a', env: [{ name: 'Y', value: '2' }] }] },
    ],
  ];
  for (const [name, doc, patch, expected] of cases) {
    it(name, () => assert.deepEqual(applyStrategicMergePatch(doc, patch, schema, resolve), expected));
  }
  it('refuses elements without their key', () => {
    assert.throws(
      () => applyStrategicMergePatch({}, { containers: [{ image: 'x' }] }, schema, resolve),
      /does not contain declared merge key: name/,
    );
  });
});
