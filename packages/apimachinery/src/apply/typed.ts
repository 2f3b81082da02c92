import { derefSchema, type Schema, type SchemaResolver } from '../schema.js';

/** What kind of thing a schema (and, without one, the value) says is at a place. */
export type Shape =
  | { kind: 'scalar' }
  | { kind: 'atomic' }
  | { kind: 'map'; field(key: string): { schema: Schema | undefined; declared: boolean } }
  | { kind: 'list'; items: Schema | undefined; keys: string[] };

const atomic: Shape = { kind: 'atomic' };
const scalar: Shape = { kind: 'scalar' };
const deduced: Shape = { kind: 'map', field: () => ({ schema: undefined, declared: false }) };

export const isMap = (v: unknown): v is Record<string, unknown> =>
  typeof v === 'object' && v !== null && !Array.isArray(v);

/** The shape at a place; `sample` is a value there (of either side), for places without a schema. */
export function shapeOf(declared: Schema | undefined, resolve: SchemaResolver, sample: unknown): Shape {
  const schema = derefSchema(declared, resolve);
  if (schema?.type === 'array' || (!schema?.type && schema?.items))
    return Array.isArray(sample) ? listShape(schema) : scalar;
  if (schema && isMap(sample) && (schema.properties || schema.additionalProperties || schema.type === 'object')) {
    return mapShape(schema);
  }
  // Without a schema: maps are merged by key, lists are one value.
  if (isMap(sample)) return deduced;
  if (Array.isArray(sample)) return atomic;
  return scalar;
}

function mapShape(schema: Schema): Shape {
  if (schema['x-kubernetes-map-type'] === 'atomic') return atomic;
  // A type that is opaque to the server (RawExtension, fieldsV1) has neither: deduced.
  const extra = typeof schema.additionalProperties === 'object' ? schema.additionalProperties : undefined;
  return {
    kind: 'map',
    field: (key) => {
      const known = schema.properties && Object.hasOwn(schema.properties, key) ? schema.properties[key] : undefined;
      return known ? { schema: known, declared: true } : { schema: extra, declared: false };
    },
  };
}

function listShape(schema: Schema): Shape {
  const keys = schema['x-kubernetes-list-map-keys'] ?? [];
  switch (schema['x-kubernetes-list-type']) {
    case 'map':
      return { kind: 'list', items: schema.items, keys };
    case 'set':
      return { kind: 'list', items: schema.items, keys: [] };
    case 'atomic':
      return atomic;
    default: {
      // Older documents say it by the strategic merge patch's extensions only.
      const strategy = schema['x-kubernetes-patch-strategy'] ?? '';
      if (!strategy.split(',').includes('merge')) return atomic;
      const key = schema['x-kubernetes-patch-merge-key'];
      return { kind: 'list', items: schema.items, keys: key ? [key] : [] };
    }
  }
}

/** An object that does not fit its schema's list type. */
export class TypedError extends Error {
  override name = 'TypedError';
}

/** The path element of a list's element. @throws TypedError when it has none of the keys */
export function listElement(shape: Shape & { kind: 'list' }, item: unknown, resolve: SchemaResolver): string {
  if (shape.keys.length === 0) {
    return typeof item === 'object' && item !== null ? `v:${stable(item)}` : `v:${JSON.stringify(item ?? null)}`;
  }
  if (!isMap(item)) throw new TypedError('associative list with keys may not have non-map elements');
  const items = derefSchema(shape.items, resolve);
  const id: Record<string, unknown> = {};
  for (const key of [...shape.keys].sort()) {
    const value =
      item[key] ?? derefSchema(items?.properties?.[key], resolve)?.default ?? items?.properties?.[key]?.default;
    if (value !== undefined && value !== null) id[key] = value;
  }
  if (Object.keys(id).length === 0) {
    throw new TypedError(
      `associative list with keys has an element that omits all key fields [${shape.keys.map((k) => JSON.stringify(k)).join(' ')}] (and doesn't have default values for any key field)`,
    );
  }
  return `k:${JSON.stringify(id)}`;
}

function stable(v: unknown): string {
  return JSON.stringify(v, (_k, x) =>
    isMap(x) ? Object.fromEntries(Object.entries(x).sort(([a], [b]) => (a < b ? -1 : 1))) : x,
  );
}

/** Elements by their path element, in order. @throws TypedError for duplicates, unless they are allowed (live objects) */
export function indexList(
  shape: Shape & { kind: 'list' },
  list: unknown[],
  resolve: SchemaResolver,
  allowDuplicates: boolean,
): Map<string, unknown> {
  const out = new Map<string, unknown>();
  for (const item of list) {
    const element = listElement(shape, item, resolve);
    if (!out.has(element)) out.set(element, item);
    else if (!allowDuplicates) throw new TypedError(`duplicate entries for key [${element.slice(2)}]`);
  }
  return out;
}
