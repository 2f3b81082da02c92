import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import type { Schema } from '@kubelab/apimachinery';
import { REF_PREFIX } from '../definitions.js';
import { resources } from '../groups/index.js';
import { ResourceTable } from '../table.js';
import { encodeGnostic } from './gnostic.js';
import { buildOpenApiV2 } from './v2.js';
import { buildOpenApiV3, openApiV3Paths } from './v3.js';

/** Fields of a protobuf message: number -> raw values; fails on what is no message. */
function fieldsOf(bytes: Buffer): Map<number, (Buffer | number)[]> {
  const out = new Map<number, (Buffer | number)[]>();
  let at = 0;
  const varint = (): number => {
    let value = 0;
    let shift = 1;
    for (;;) {
      const byte = bytes[at++];
      assert.ok(byte !== undefined, 'message ends inside a number');
      value += (byte & 0x7f) * shift;
      shift *= 128;
      if (byte < 0x80) return value;
    }
  };
  while (at < bytes.length) {
    const tag = varint();
    const wire = tag % 8;
    const field = Math.floor(tag / 8);
    let value: Buffer | number;
    if (wire === 0) value = varint();
    else if (wire === 1) {
      value = bytes.readDoubleLE(at);
      at += 8;
    } else {
      assert.equal(wire, 2);
      const size = varint();
      assert.ok(at + size <= bytes.length, 'message ends inside a field');
      value = bytes.subarray(at, at + size);
      at += size;
    }
    out.set(field, [...(out.get(field) ?? []), value]);
  }
  return out;
}

const messages = (m: Map<number, (Buffer | number)[]>, field: number) =>
  (m.get(field) ?? []).map((v) => fieldsOf(v as Buffer));
const text = (m: Map<number, (Buffer | number)[]>, field: number): string => String(m.get(field)?.[0] ?? '');

describe('OpenAPI documents', () => {
  it('v3: every reference is in the document, nothing stands beside a reference', () => {
    for (const { group, version } of openApiV3Paths(resources)) {
      const document = buildOpenApiV3(group, version, resources) as { components: { schemas: Record<string, object> } };
      const { schemas } = document.components;
      const walk = (value: unknown): void => {
        if (typeof value !== 'object' || value === null) return;
        const ref = (value as { $ref?: unknown }).$ref;
        if (typeof ref === 'string' && ref.startsWith(REF_PREFIX)) {
          assert.ok(schemas[ref.slice(REF_PREFIX.length)], `${group}/${version}: ${ref}`);
          assert.deepEqual(Object.keys(value), ['$ref']);
        }
        for (const child of Object.values(value)) walk(child);
      };
      walk(document);
    }
  });

  it('v3: PATCH of a kind takes dryRun and fieldValidation, as kubectl looks for', () => {
    const { paths } = buildOpenApiV3('apps', 'v1', resources) as {
      paths: Record<string, { patch?: { parameters: { name: string }[]; 'x-kubernetes-group-version-kind': object } }>;
    };
    const { patch } = paths['/apis/apps/v1/namespaces/{namespace}/deployments/{name}'] ?? {};
    assert.deepEqual(patch?.['x-kubernetes-group-version-kind'], { group: 'apps', version: 'v1', kind: 'Deployment' });
    const names = patch?.parameters.map((p) => p.name);
    for (const wanted of ['dryRun', 'fieldValidation', 'fieldManager', 'force']) assert.ok(names?.includes(wanted));
  });

  it('v2: operation ids are unique, references resolve', () => {
    const document = buildOpenApiV2(resources);
    const ids = Object.values(document.paths).flatMap((item) =>
      Object.values(item).flatMap((o) => ('operationId' in o ? [o.operationId as string] : [])),
    );
    assert.equal(new Set(ids).size, ids.length);
    for (const [, ref] of JSON.stringify(document).matchAll(/"#\/definitions\/([^"]+)"/g)) {
      assert.ok(ref !== undefined && document.definitions[ref], ref);
    }
    const { properties } = document.definitions['io.k8s.api.core.v1.PodSpec'] ?? {};
    assert.equal(properties?.containers?.['x-kubernetes-patch-merge-key'], 'name');
  });

  it('v2: custom resources list no fields where they keep unknown ones', () => {
    const row = resources.byKind('', 'v1', 'ConfigMap');
    assert.ok(row);
    const keep = { type: 'object', 'x-kubernetes-preserve-unknown-fields': true } as const;
    const custom = (kind: string, schema: Schema) => ({
      ...row,
      group: 'x.io',
      kind,
      resource: `${kind.toLowerCase()}s`,
      versions: [{ version: 'v1', schemaName: kind, schema }],
    });
    const table = new ResourceTable([
      custom('Open', { ...keep, properties: { a: { type: 'string' } } }),
      custom('Part', {
        type: 'object',
        required: ['a', 'b'],
        properties: { a: { ...keep, properties: { x: {} } }, b: { type: 'string', nullable: true } },
      }),
    ]);
    const { definitions } = buildOpenApiV2(table);
    const gvk = [{ group: 'x.io', kind: 'Open', version: 'v1' }];
    assert.deepEqual(definitions['io.x.v1.Open'], { type: 'object', 'x-kubernetes-group-version-kind': gvk });
    assert.deepEqual(definitions['io.x.v1.Part']?.properties?.a, { 'x-kubernetes-preserve-unknown-fields': true });
    assert.deepEqual(definitions['io.x.v1.Part']?.required, ['a']);
  });

  it('v2 as protobuf: definitions with types, references, extensions; paths with parameters', () => {
    const document = fieldsOf(encodeGnostic(buildOpenApiV2(resources)));
    assert.equal(text(document, 1), '2.0');
    const [definitions] = messages(document, 9);
    assert.ok(definitions);
    const named = messages(definitions, 1);
    const container = named.find((m) => text(m, 1) === 'io.k8s.api.core.v1.Container');
    assert.ok(container);
    const [schema] = messages(container, 2);
    assert.ok(schema);
    const [properties] = messages(schema, 25);
    assert.ok(properties);
    const ports = messages(properties, 1).find((m) => text(m, 1) === 'ports');
    assert.ok(ports);
    const extensions = messages(messages(ports, 2)[0] ?? new Map(), 31).map((m) => text(m, 1));
    assert.ok(extensions.includes('x-kubernetes-patch-merge-key'));
    const [paths] = messages(document, 8);
    assert.ok(paths && messages(paths, 2).some((m) => text(m, 1) === '/api/v1/namespaces/{namespace}/pods/{name}'));
  });
});
