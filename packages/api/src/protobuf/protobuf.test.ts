import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import type { KubeObject } from '@kubelab/apimachinery';
import { resolveSchema } from '../definitions.js';
import { resources } from '../groups/index.js';
import { decodeProtobuf } from './decode.js';
import { encodeProtobuf, encodeProtobufEvent, hasProtobuf } from './encode.js';

type SchemaLike = NonNullable<ReturnType<typeof resolveSchema>>;

const deepest = 9;

/** Fields of a custom resource's schema that are of no one type. */
const oneOrAnother: Record<string, unknown> = {
  additionalItems: false,
  additionalProperties: { type: 'string', nullable: true },
  dependencies: ['one', 'two'],
  items: [{ type: 'string' }, { type: 'integer', maximum: 0 }],
  status: {},
};

/** What has no number in Go's messages either. */
const withoutNumber = [
  // Kind and version of objects within objects.
  /^apps\/v1 StatefulSet\.spec\.volumeClaimTemplates\.0\.(apiVersion|kind)$/,
  // Our v2beta2 is v2 by another name.
  /^autoscaling\/v2beta2 HorizontalPodAutoscaler\.spec\.behavior\.scale(Down|Up)\.tolerance$/,
];

/** An object with a value in every field that the schema has. */
function full(schema: SchemaLike, name: string, depth: number): unknown {
  const target = schema.$ref ? resolveSchema(schema.$ref) : (schema.allOf?.[0] ?? schema);
  if (!target) return { any: ['thing', 1] };
  if (target.$ref) return full(target, name, depth);
  if (target['x-kubernetes-int-or-string']) return 'http';
  switch (target.type) {
    case 'string':
      if (target.format === 'byte') return Buffer.from('bytes of its own').toString('base64');
      if (target.format !== 'date-time') return `a ${name}: ä€😀`;
      return /^(renewTime|acquireTime|eventTime|lastObservedTime)$/.test(name)
        ? '2024-02-03T04:05:06.789012Z'
        : '2024-02-03T04:05:06Z';
    case 'integer':
      return -7;
    case 'number':
      return 1.5;
    case 'boolean':
      return true;
    case 'array':
      return target.items && depth < deepest ? [full(target.items, name, depth + 1)] : [];
    default:
      return fullObject(target, name, depth);
  }
}

function fullObject(target: SchemaLike, name: string, depth: number): unknown {
  if (target.oneOf) return '100m';
  if (typeof target.additionalProperties === 'object') {
    return {
      b: full(target.additionalProperties, name, depth + 1),
      a: full(target.additionalProperties, name, depth + 1),
    };
  }
  if (!target.properties) return oneOrAnother[name] ?? { 'f:any': { k: [1, 'two', null] } };
  const out: Record<string, unknown> = {};
  for (const [field, child] of Object.entries(target.properties)) {
    const value = depth < deepest ? full(child, field, depth + 1) : undefined;
    if (value !== undefined && !(Array.isArray(value) && value.length === 0)) out[field] = value;
  }
  return out;
}

/** The paths at which two values differ. */
function differences(a: unknown, b: unknown, path: string): string[] {
  if (typeof a === 'object' && typeof b === 'object' && a !== null && b !== null) {
    const names = new Set([...Object.keys(a), ...Object.keys(b)]);
    return [...names].flatMap((name) =>
      differences((a as Record<string, unknown>)[name], (b as Record<string, unknown>)[name], `${path}.${name}`),
    );
  }
  const known = a === b || withoutNumber.some((pattern) => pattern.test(path));
  return known ? [] : [`${path}: ${JSON.stringify(a)} became ${JSON.stringify(b)}`];
}

describe('Kubernetes protobuf', () => {
  it('has a form for every kind that is served, and keeps each of its fields', () => {
    const lost: string[] = [];
    for (const entry of resources.all()) {
      for (const { version, schemaName } of entry.versions) {
        const apiVersion = entry.group === '' ? version : `${entry.group}/${version}`;
        const schema = resolveSchema(schemaName) as SchemaLike;
        assert.ok(hasProtobuf(apiVersion, entry.kind), `${apiVersion} ${entry.kind}`);
        assert.ok(entry.virtual || hasProtobuf(apiVersion, entry.listKind), `${apiVersion} ${entry.listKind}`);
        const object = { ...(full(schema, '', 0) as object), apiVersion, kind: entry.kind } as KubeObject;
        const back = decodeProtobuf(encodeProtobuf(object));
        lost.push(...differences(object, back, `${apiVersion} ${entry.kind}`));
      }
    }
    assert.deepEqual(lost, []);
  });

  it('is not that of other groups with like names', () => {
    assert.equal(hasProtobuf('apps.example.com/v1', 'Deployment'), false);
    assert.equal(hasProtobuf('apps/v1', 'Deployment'), true);
  });

  it('is written as Go writes it', () => {
    const cases: [string, object, string][] = [
      [
        'the envelope, a map in the order of its keys',
        { apiVersion: 'v1', kind: 'ConfigMap', metadata: { name: 'x' }, data: { b: '2', a: '' } },
        '6b387300 0a0f 0a027631 1209436f6e6669674d6170 1214 0a030a0178 1205 0a0161 1200 1206 0a0162 120132',
      ],
      [
        'negative numbers, pointers to zero, int-or-string, times',
        {
          apiVersion: 'policy/v1',
          kind: 'PodDisruptionBudget',
          metadata: { creationTimestamp: '1969-12-31T23:59:59Z', deletionGracePeriodSeconds: 0 },
          spec: { minAvailable: 0, maxUnavailable: '5%' },
        },
        '6b387300 0a20 0a09706f6c6963792f7631 1213506f6444697372757074696f6e427564676574 121f ' +
          '0a0f 420b 08ffffffffffffffffff01 5000 120c 0a021000 1a06 0801 1a023525',
      ],
    ];
    for (const [name, object, expected] of cases) {
      assert.equal(encodeProtobuf(object).toString('hex'), expected.replaceAll(' ', ''), name);
    }
  });

  it('frames the events of a watch by their length', () => {
    const status = { apiVersion: 'v1', kind: 'Status', metadata: {}, code: 410 };
    const frame = encodeProtobufEvent('ERROR', status);
    assert.equal(frame.readUInt32BE(0), frame.length - 4);
    assert.equal(frame.subarray(4, 11).toString('latin1'), '\n\u0005ERROR');
    const object = frame.subarray(frame.indexOf('k8s\0'));
    assert.deepEqual(decodeProtobuf(object), { ...status, metadata: {} });
  });

  it('is nothing for what is no time, and the next object is whole again', () => {
    const bad = { apiVersion: 'v1', kind: 'Pod', metadata: { creationTimestamp: 'soon' } };
    assert.throws(() => encodeProtobuf(bad), /"soon" is not a time/);
    const good = { apiVersion: 'v1', kind: 'Pod', metadata: { name: 'x'.repeat(100_000) } } as KubeObject;
    assert.deepEqual(decodeProtobuf(encodeProtobuf(good)), good);
  });
});
