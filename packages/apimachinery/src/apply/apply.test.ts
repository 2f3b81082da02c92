import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import {
  FieldSet,
  type KubeObject,
  noReferences,
  type Schema,
  StatusError,
  serverSideApply,
  updateManagedFields,
} from '../index.js';

const str: Schema = { type: 'string' };
const schema: Schema = {
  type: 'object',
  properties: {
    apiVersion: str,
    kind: str,
    metadata: {
      type: 'object',
      properties: {
        name: str,
        labels: { type: 'object', additionalProperties: str },
        finalizers: { type: 'array', items: str, 'x-kubernetes-list-type': 'set' },
      },
    },
    spec: {
      type: 'object',
      properties: {
        replicas: { type: 'integer' },
        paused: { type: 'boolean' },
        selector: { type: 'object', 'x-kubernetes-map-type': 'atomic', additionalProperties: str },
        args: { type: 'array', items: str },
        containers: {
          type: 'array',
          'x-kubernetes-list-type': 'map',
          'x-kubernetes-list-map-keys': ['name'],
          items: { type: 'object', properties: { name: str, image: str, tty: { type: 'boolean' } } },
        },
        ports: {
          type: 'array',
          'x-kubernetes-list-type': 'map',
          'x-kubernetes-list-map-keys': ['port', 'protocol'],
          items: {
            type: 'object',
            properties: { port: { type: 'integer' }, protocol: { type: 'string', default: 'TCP' }, name: str },
          },
        },
      },
    },
  },
};

const obj = (spec: object, metadata: object = {}): KubeObject => ({
  apiVersion: 'apps/v1',
  kind: 'Deployment',
  metadata: { name: 'web', ...metadata },
  spec: spec as Record<string, unknown>,
});
const common = { apiVersion: 'apps/v1', schema, resolve: noReferences, now: '2026-01-01T00:00:00Z' };
const apply = (manager: string, config: KubeObject, live?: KubeObject, force = false) =>
  serverSideApply({ ...common, manager, config, force, ...(live ? { live } : {}) });
const update = (manager: string, updated: KubeObject, live?: KubeObject): KubeObject => {
  updateManagedFields({ ...common, manager, updated, ...(live ? { live } : {}) });
  return updated;
};
const owned = (o: KubeObject, manager: string) =>
  o.metadata.managedFields?.find((m) => m.manager === manager)?.fieldsV1;

describe('FieldSet', () => {
  it('reads and writes fieldsV1', () => {
    const fields = { 'f:spec': { 'f:containers': { 'k:{"name":"a"}': { '.': {}, 'f:image': {} } } }, 'f:x': {} };
    assert.deepEqual(FieldSet.fromFieldsV1(fields).toFieldsV1(), fields);
  });
});

describe('managedFields of updates', () => {
  it('track who set what', () => {
    const created = update(
      'kubectl-create',
      obj({ replicas: 1, containers: [{ name: 'a', image: 'x' }] }, { labels: { app: 'web' } }),
    );
    assert.deepEqual(created.metadata.managedFields, [
      {
        manager: 'kubectl-create',
        operation: 'Update',
        apiVersion: 'apps/v1',
        time: '2026-01-01T00:00:00Z',
        fieldsType: 'FieldsV1',
        fieldsV1: {
          'f:metadata': { 'f:labels': { '.': {}, 'f:app': {} } },
          'f:spec': {
            'f:containers': { 'k:{"name":"a"}': { '.': {}, 'f:image': {}, 'f:name': {} } },
            'f:replicas': {},
          },
        },
      },
    ]);
    const scaled = update(
      'kubectl-scale',
      obj({ replicas: 3, containers: [{ name: 'a', image: 'x' }] }, { labels: { app: 'web' } }),
      created,
    );
    assert.deepEqual(owned(scaled, 'kubectl-scale'), { 'f:spec': { 'f:replicas': {} } });
    assert.equal(JSON.stringify(owned(scaled, 'kubectl-create')).includes('replicas'), false);
    const same = update(
      'nobody',
      obj({ replicas: 3, containers: [{ name: 'a', image: 'x' }] }, { labels: { app: 'web' } }),
      scaled,
    );
    assert.equal(owned(same, 'nobody'), undefined);
  });
  it('are forgotten on request and not begun in the middle', () => {
    const created = update('a', obj({ replicas: 1 }));
    assert.equal(update('b', obj({ replicas: 2 }, { managedFields: [{}] }), created).metadata.managedFields, undefined);
    assert.equal(update('b', obj({ replicas: 2 }), obj({ replicas: 1 })).metadata.managedFields, undefined);
  });
});

describe('server-side apply', () => {
  it('creates, owns, and removes what is applied no more', () => {
    const one = apply(
      'me',
      obj({
        replicas: 1,
        paused: true,
        containers: [
          { name: 'a', image: 'x' },
          { name: 'b', image: 'y' },
        ],
      }),
    );
    assert.deepEqual(owned(one, 'me'), {
      'f:spec': {
        'f:containers': {
          'k:{"name":"a"}': { '.': {}, 'f:image': {}, 'f:name': {} },
          'k:{"name":"b"}': { '.': {}, 'f:image': {}, 'f:name': {} },
        },
        'f:paused': {},
        'f:replicas': {},
      },
    });
    const two = apply('me', obj({ replicas: 1, containers: [{ name: 'b', image: 'y' }] }), one);
    assert.deepEqual(two.spec, { replicas: 1, containers: [{ name: 'b', image: 'y' }] });
  });
  it('conflicts with who changed a field, and takes it by force', () => {
    const live = update('kubectl', obj({ replicas: 3 }), apply('me', obj({ replicas: 1 })));
    assert.throws(
      () => apply('me', obj({ replicas: 1 }), live),
      (e) => {
        assert.ok(e instanceof StatusError);
        assert.equal(e.code, 409);
        assert.equal(e.message, 'Apply failed with 1 conflict: conflict with "kubectl" using apps/v1: .spec.replicas');
        assert.deepEqual(e.status.details?.causes, [
          { reason: 'FieldManagerConflict', message: 'conflict with "kubectl" using apps/v1', field: '.spec.replicas' },
        ]);
        return true;
      },
    );
    const forced = apply('me', obj({ replicas: 1 }), live, true);
    assert.deepEqual(forced.spec, { replicas: 1 });
    assert.equal(owned(forced, 'kubectl'), undefined);
  });
  it('names several conflicts by list keys', () => {
    const live = apply('a', obj({ replicas: 1, containers: [{ name: 'x', image: '1' }] }));
    assert.throws(() => apply('b', obj({ replicas: 2, containers: [{ name: 'x', image: '2' }] }), live), {
      message:
        'Apply failed with 2 conflicts: conflicts with "a":\n- .spec.containers[name="x"].image\n- .spec.replicas',
    });
  });
  it('shares fields on equal values and leaves those of others', () => {
    const a = apply('a', obj({ replicas: 1, containers: [{ name: 'x', image: '1' }] }));
    const both = apply('b', obj({ replicas: 1, containers: [{ name: 'y', image: '2' }] }), a);
    assert.deepEqual(both.spec, {
      replicas: 1,
      containers: [
        { name: 'x', image: '1' },
        { name: 'y', image: '2' },
      ],
    });
    const without = apply('a', obj({}), both);
    assert.deepEqual(without.spec, { replicas: 1, containers: [{ name: 'y', image: '2' }] });
  });
  it('treats atomic lists and maps as one value, sets by element', () => {
    const a = apply('a', obj({ args: ['1'], selector: { app: 'x' } }, { finalizers: ['a/a'] }));
    assert.throws(() => apply('b', obj({ args: ['2'] }), a), /\.spec\.args/);
    const b = apply('b', obj({}, { finalizers: ['b/b'] }), a);
    assert.deepEqual(b.metadata.finalizers, ['a/a', 'b/b']);
    const c = apply('a', obj({ args: ['1'], selector: { app: 'x' } }), b);
    assert.deepEqual(c.metadata.finalizers, ['b/b']);
  });
  it('takes defaults into list keys', () => {
    const a = apply('a', obj({ ports: [{ port: 80, name: 'http' }] }));
    assert.ok(JSON.stringify(owned(a, 'a')).includes('k:{\\"port\\":80,\\"protocol\\":\\"TCP\\"}'));
    assert.throws(() => apply('a', obj({ containers: [{ image: 'x' }] }), a), /omits all key fields/);
    assert.throws(() => apply('a', obj({ containers: [{ name: 'x' }, { name: 'x' }] }), a), /duplicate entries/);
  });
  it('changes nothing when applied again', () => {
    const a = apply('a', obj({ replicas: 1 }));
    const again = serverSideApply({
      ...common,
      now: '2027-01-01T00:00:00Z',
      manager: 'a',
      config: obj({ replicas: 1 }),
      live: a,
      force: false,
    });
    assert.deepEqual(again, a);
  });
  it('takes over an object that was never tracked', () => {
    const a = apply('a', obj({ replicas: 1 }), obj({ replicas: 1, paused: true }));
    assert.deepEqual(
      a.metadata.managedFields?.map((m) => m.manager),
      ['a', 'before-first-apply'],
    );
    assert.throws(() => apply('a', obj({ replicas: 1, paused: false }), a), /before-first-apply/);
  });
  it('lets kubectl take over from its client-side apply', () => {
    const config = obj({ replicas: 1 });
    const annotations = { 'kubectl.kubernetes.io/last-applied-configuration': JSON.stringify(config) };
    const live = update('kubectl-client-side-apply', obj({ replicas: 1 }, { annotations }));
    const next = apply('kubectl', obj({ replicas: 2 }), live);
    assert.deepEqual(next.spec, { replicas: 2 });
    assert.throws(() => apply('other', obj({ replicas: 2 }), live), StatusError);
  });
  it('refuses managedFields in the configuration', () => {
    assert.throws(
      () => apply('a', obj({}, { managedFields: [{ manager: 'x' }] })),
      /metadata.managedFields must be nil/,
    );
  });
});
