import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { decodeStrict, type KubeObject } from '@kubelab/apimachinery';
import { resolveSchema } from '../definitions.js';
import { resources } from './index.js';

/** A generator of numbers that is the same in every run. */
function random(seed: number): () => number {
  let state = seed;
  return () => {
    state = (state * 1103515245 + 12345) % 2147483648;
    return state / 2147483648;
  };
}

type SchemaLike = NonNullable<ReturnType<typeof resolveSchema>>;

/** A value that the schema allows, mostly nonsense: what passes decoding and must then be refused without a crash. */
function nonsense(schema: SchemaLike, next: () => number, depth: number): unknown {
  const target = schema.$ref ? resolveSchema(schema.$ref) : schema;
  if (!target) return {};
  if (target['x-kubernetes-int-or-string']) return next() < 0.5 ? 5 : '%%';
  switch (target.type) {
    case 'string':
      return target.format === 'date-time'
        ? '2024-01-01T00:00:00Z'
        : ['', 'a', 'Always', 'A B/c', '-1', 'tcp'][Math.floor(next() * 6)];
    case 'integer':
    case 'number':
      return [-1, 0, 1, 2147483647][Math.floor(next() * 4)];
    case 'boolean':
      return next() < 0.5;
    case 'array': {
      const { items } = target;
      if (!items || depth > 9) return [];
      return Array.from({ length: Math.floor(next() * 3) }, () => nonsense(items, next, depth + 1));
    }
    default: {
      if (target.oneOf) return ['1', '-5', '100m', 7][Math.floor(next() * 4)];
      if (typeof target.additionalProperties === 'object') {
        return next() < 0.5 ? {} : { 'a.b/c d': nonsense(target.additionalProperties, next, depth + 1) };
      }
      const out: Record<string, unknown> = {};
      for (const [name, child] of Object.entries(target.properties ?? {})) {
        if (depth > 9 || next() < 0.45) continue;
        out[name] = nonsense(child, next, depth + 1);
      }
      return out;
    }
  }
}

describe('the resource table', () => {
  it('has a schema for every version and subresource', () => {
    for (const entry of resources.all()) {
      for (const v of entry.versions) assert.ok(resolveSchema(v.schemaName), `${entry.resource} ${v.schemaName}`);
      assert.ok(entry.columns.length > 0, entry.resource);
    }
  });

  it('finds rows by resource and by kind', () => {
    assert.equal(resources.lookup('apps', 'v1', 'deployments')?.kind, 'Deployment');
    assert.equal(resources.byKind('', 'v1', 'Pod')?.resource, 'pods');
    assert.equal(resources.lookup('apps', 'v1beta1', 'deployments'), undefined);
    assert.equal(resources.lookup('extensions', 'v1beta1', 'ingresses')?.storageGroup, 'networking.k8s.io');
  });

  it('never throws on what a client may send', () => {
    const next = random(42);
    const context = { version: 'v1', user: { name: 'u', groups: [] } };
    for (const entry of resources.all()) {
      for (const v of entry.versions) {
        const schema = resolveSchema(v.schemaName);
        for (let round = 0; schema && round < 40; round++) {
          const raw = {
            ...(nonsense(schema, next, 0) as object),
            apiVersion: 'x/v1',
            kind: entry.kind,
            metadata: { name: 'a' },
          };
          const obj = raw as unknown as KubeObject;
          decodeStrict(obj, schema, resolveSchema, { normalize: true });
          const text = JSON.stringify(obj);
          const problem = (error: unknown): string =>
            `${entry.resource} ${v.version}: ${(error as Error).stack}\n${text}`;
          try {
            entry.defaults?.(obj, v.version);
            const stored = v.toStorage ? v.toStorage(obj) : obj;
            const old = structuredClone(stored);
            entry.strategy.prepareForCreate?.(stored, context);
            entry.strategy.validateCreate?.(stored, context);
            entry.strategy.warningsOnCreate?.(stored);
            for (const c of entry.columns) c.cell(stored);
            for (const read of Object.values(entry.selectableFields ?? {})) read(stored);
            v.fromStorage?.(stored);
            const other = nonsense(schema, next, 0) as object;
            const now = {
              ...other,
              apiVersion: 'x/v1',
              kind: entry.kind,
              metadata: { name: 'a' },
            } as unknown as KubeObject;
            decodeStrict(now, schema, resolveSchema, { normalize: true });
            entry.defaults?.(now, v.version);
            const update = v.toStorage ? v.toStorage(now) : now;
            entry.strategy.prepareForUpdate?.(update, old, context);
            entry.strategy.validateUpdate?.(update, old, context);
            for (const sub of Object.values(entry.subresources)) {
              const again = structuredClone(update);
              sub.strategy?.prepareForUpdate?.(again, old, context);
              sub.strategy?.validateUpdate?.(again, old, context);
            }
            entry.gracefulDeleteSeconds?.(stored);
          } catch (error) {
            assert.fail(problem(error));
          }
        }
      }
    }
  });
});
