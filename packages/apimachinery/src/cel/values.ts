import { derefSchema, noReferences, type Schema, type SchemaResolver } from '../schema.js';

/** CEL's words, which are no names of fields there. */
const reserved = new Set([
  'true',
  'false',
  'null',
  'in',
  'as',
  'break',
  'const',
  'continue',
  'else',
  'for',
  'function',
  'if',
  'import',
  'let',
  'loop',
  'package',
  'namespace',
  'return',
  'var',
  'void',
  'while',
]);

/** A property's name as expressions write it: `a-b` is `a__dash__b` (Kubernetes' escaping). */
export function escapeName(name: string): string {
  if (reserved.has(name)) return `__${name}__`;
  return name
    .replace(/__/g, '__underscores__')
    .replace(/\./g, '__dot__')
    .replace(/-/g, '__dash__')
    .replace(/\//g, '__slash__');
}

/**
 * A JSON value as CEL sees it: integers are ints (bigint), other numbers doubles; with a schema, properties are
 * escaped and numbers follow their declared type.
 */
export function toCel(value: unknown, declared?: Schema, resolve: SchemaResolver = noReferences): unknown {
  const schema = declared && derefSchema(declared, resolve);
  if (typeof value === 'number') {
    return schema?.type === 'number' || !Number.isInteger(value) ? value : BigInt(value);
  }
  if (Array.isArray(value)) return value.map((v) => toCel(v, schema?.items, resolve));
  if (typeof value !== 'object' || value === null) return value;
  const out: Record<string, unknown> = {};
  const extra = typeof schema?.additionalProperties === 'object' ? schema.additionalProperties : undefined;
  for (const [key, v] of Object.entries(value)) {
    if (v === undefined) continue;
    const known = schema?.properties && Object.hasOwn(schema.properties, key) ? schema.properties[key] : undefined;
    out[known ? escapeName(key) : key] = toCel(v, known ?? extra, resolve);
  }
  return out;
}
