import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { applySchemaDefaults, decodeStrict, formatFieldError, prune, type Schema, validateSchema } from './index.js';

const schemas: Record<string, Schema> = {
  'io.k8s.api.apps.v1.Deployment': {
    type: 'object',
    properties: {
      kind: { type: 'string' },
      metadata: { $ref: 'meta.v1.ObjectMeta' },
      spec: { $ref: 'io.k8s.api.apps.v1.DeploymentSpec' },
    },
  },
  'io.k8s.api.apps.v1.DeploymentSpec': {
    type: 'object',
    properties: {
      replicas: { type: 'integer', format: 'int32' },
      paused: { type: 'boolean' },
      when: { type: 'string', format: 'date-time' },
      cpu: { $ref: 'io.k8s.apimachinery.pkg.api.resource.Quantity' },
      port: { format: 'int-or-string' },
      data: { type: 'object', additionalProperties: { type: 'string', format: 'byte' } },
      containers: { type: 'array', items: { $ref: 'io.k8s.api.core.v1.Container' } },
    },
  },
  'io.k8s.api.core.v1.Container': { type: 'object', properties: { image: { type: 'string' } } },
  'io.k8s.apimachinery.pkg.api.resource.Quantity': { type: 'string' },
  'meta.v1.ObjectMeta': {
    type: 'object',
    properties: {
      name: { type: 'string' },
      generateName: { type: 'string' },
      generation: { type: 'integer' },
      deletionGracePeriodSeconds: { type: 'integer' },
      labels: { type: 'object', additionalProperties: { type: 'string' } },
      annotations: { type: 'object', additionalProperties: { type: 'string' } },
      finalizers: { type: 'array', items: { type: 'string' } },
      ownerReferences: { type: 'array', items: { type: 'object' } },
      managedFields: { type: 'array', items: { type: 'object' } },
    },
  },
};
const resolve = (ref: string) => schemas[ref];
const root: Schema = { $ref: 'io.k8s.api.apps.v1.Deployment' };

describe('decodeStrict', () => {
  it('reports unknown fields and drops them', () => {
    const obj = { spec: { foo: 1, containers: [{ image: 'a', imagee: 'b' }], replicas: null } };
    const r = decodeStrict(obj, root, resolve, { normalize: true });
    assert.deepEqual(r.unknownFields, ['unknown field "spec.foo"', 'unknown field "spec.containers[0].imagee"']);
    assert.deepEqual(obj, { spec: { containers: [{ image: 'a' }] } });
  });
  it('reports wrong types in the words of the Go decoder', () => {
    const cases: [unknown, string][] = [
      [
        { spec: { replicas: 'x' } },
        'json: cannot unmarshal string into Go struct field DeploymentSpec.spec.replicas of type int32',
      ],
      [
        { spec: { replicas: 1.5 } },
        'json: cannot unmarshal number 1.5 into Go struct field DeploymentSpec.spec.replicas of type int32',
      ],
      [{ spec: [] }, 'json: cannot unmarshal array into Go struct field Deployment.spec of type v1.DeploymentSpec'],
      [
        { spec: { containers: {} } },
        'json: cannot unmarshal object into Go struct field DeploymentSpec.spec.containers of type []v1.Container',
      ],
      [
        { spec: { containers: [{ image: 5 }] } },
        'json: cannot unmarshal number into Go struct field Container.spec.containers.image of type string',
      ],
      [
        { spec: { cpu: 'x' } },
        "quantities must match the regular expression '^([+-]?[0-9.]+)([eEinumkKMGTP]*[-+]?[0-9]*)$'",
      ],
      [{ spec: { data: { a: '#' } } }, 'illegal base64 data at input byte 0'],
    ];
    for (const [obj, message] of cases) assert.deepEqual(decodeStrict(obj, root, resolve).typeErrors, [message]);
  });
  it('normalizes quantities and times', () => {
    const obj = { spec: { cpu: 0.5, when: '2024-01-01T00:00:00.123+01:00', port: 'http' } };
    assert.deepEqual(decodeStrict(obj, root, resolve, { normalize: true }).typeErrors, []);
    assert.deepEqual(obj, { spec: { cpu: '500m', when: '2023-12-31T23:00:00Z', port: 'http' } });
  });
  it('leaves out empty metadata as Go does, unless it is of a configuration to apply', () => {
    const empty = { generateName: '', generation: 0, finalizers: [], ownerReferences: [], managedFields: [] };
    const kept = { name: 'a', labels: { a: '' }, deletionGracePeriodSeconds: 0 };
    const make = () => ({ metadata: { ...structuredClone({ ...kept, ...empty }), annotations: {} } });
    const [obj, config] = [make(), make()];
    decodeStrict(obj, root, resolve, { normalize: true });
    assert.deepEqual(obj, { metadata: kept });
    decodeStrict(config, root, resolve, { normalize: true, keepEmpty: true });
    assert.deepEqual(config, make());
  });
});

describe('structural schemas', () => {
  const schema: Schema = {
    type: 'object',
    required: ['spec'],
    properties: {
      spec: {
        type: 'object',
        properties: {
          size: { type: 'integer', minimum: 1, default: 3 },
          mode: { type: 'string', enum: ['a', 'b'] },
          free: { type: 'object', 'x-kubernetes-preserve-unknown-fields': true },
          list: {
            type: 'array',
            maxItems: 2,
            items: { type: 'object', properties: { k: { type: 'string', default: 'x' } } },
            'x-kubernetes-list-type': 'map',
            'x-kubernetes-list-map-keys': ['k'],
          },
          any: { 'x-kubernetes-int-or-string': true, nullable: true },
        },
      },
    },
  };
  it('prune', () => {
    const obj = {
      apiVersion: 'x/v1',
      kind: 'X',
      metadata: { name: 'a' },
      spec: { bad: 1, free: { z: 1 }, list: [{ k: 'a', y: 1 }] },
    };
    assert.deepEqual(prune(obj, schema), ['spec.bad', 'spec.list[0].y']);
    assert.deepEqual(obj.spec, { free: { z: 1 }, list: [{ k: 'a' }] });
  });
  it('default', () => {
    const obj = { spec: { list: [{}], size: null } };
    applySchemaDefaults(obj, schema);
    assert.deepEqual(obj, { spec: { list: [{ k: 'x' }], size: 3 } });
  });
  it('validate with the messages of Kubernetes', () => {
    const cases: [unknown, string[]][] = [
      [{}, ['spec: Required value']],
      [
        { spec: { size: 'x' } },
        ['spec.size: Invalid value: "string": spec.size in body must be of type integer: "string"'],
      ],
      [{ spec: { size: 0 } }, ['spec.size: Invalid value: 0: spec.size in body should be greater than or equal to 1']],
      [{ spec: { mode: 'c' } }, ['spec.mode: Unsupported value: "c": supported values: "a", "b"']],
      [{ spec: { list: [{ k: 'a' }, { k: 'a' }] } }, ['spec.list[1]: Duplicate value: {"k":"a"}']],
      [{ spec: { any: null } }, []],
      [
        { spec: { any: 1.5 } },
        ['spec.any: Invalid value: "number": spec.any in body must be of type integer,string: "number"'],
      ],
      [{ spec: { list: [{ k: 'a' }, { k: 'b' }, { k: 'c' }] } }, ['spec.list: Too many: 3: must have at most 2 items']],
    ];
    for (const [obj, expected] of cases) assert.deepEqual(validateSchema(obj, schema).map(formatFieldError), expected);
  });
});
