import { deepCopy } from './meta.js';
import { derefSchema, noReferences, type Schema, type SchemaResolver } from './schema.js';

const isObject = (v: unknown): v is Record<string, unknown> => typeof v === 'object' && v !== null && !Array.isArray(v);

/**
 * Drops, in place, what a structural schema does not specify (CRDs).
 * @returns the dropped fields' paths, as strict field validation names them
 */
export function prune(
  obj: unknown,
  schema: Schema | undefined,
  resolve: SchemaResolver = noReferences,
  isRoot = true,
): string[] {
  const dropped: string[] = [];
  pruneInto(obj, schema, resolve, isRoot, '', dropped);
  return dropped;
}

const resourceFields = ['apiVersion', 'kind', 'metadata'];

function pruneInto(
  value: unknown,
  declared: Schema | undefined,
  resolve: SchemaResolver,
  isResource: boolean,
  path: string,
  dropped: string[],
): void {
  const schema = derefSchema(declared, resolve);
  if (Array.isArray(value)) {
    value.forEach((v, i) => {
      pruneInto(
        v,
        schema?.items,
        resolve,
        schema?.items?.['x-kubernetes-embedded-resource'] === true,
        `${path}[${i}]`,
        dropped,
      );
    });
    return;
  }
  if (!isObject(value)) return;
  const extra = schema?.additionalProperties;
  const keep = schema?.['x-kubernetes-preserve-unknown-fields'] === true;
  for (const key of Object.keys(value)) {
    const childPath = path === '' ? key : `${path}.${key}`;
    if (isResource && resourceFields.includes(key)) continue;
    const known = schema?.properties && Object.hasOwn(schema.properties, key) ? schema.properties[key] : undefined;
    const child = known ?? (typeof extra === 'object' ? extra : undefined);
    if (child) {
      pruneInto(value[key], child, resolve, child['x-kubernetes-embedded-resource'] === true, childPath, dropped);
    } else if (!keep && extra !== true) {
      dropped.push(childPath);
      delete value[key];
    }
  }
}

/** Sets, in place, the defaults of a schema on an object: absent fields, and nulls where null is not allowed. */
export function applySchemaDefaults(
  obj: unknown,
  declared: Schema | undefined,
  resolve: SchemaResolver = noReferences,
): void {
  const schema = derefSchema(declared, resolve);
  if (!schema) return;
  if (Array.isArray(obj)) {
    if (!schema.items) return;
    for (let i = 0; i < obj.length; i++) {
      const items = derefSchema(schema.items, resolve);
      if (obj[i] === null && !items?.nullable && items?.default !== undefined) obj[i] = deepCopy(items.default);
      applySchemaDefaults(obj[i], schema.items, resolve);
    }
    return;
  }
  if (!isObject(obj)) return;
  for (const [key, child] of Object.entries(schema.properties ?? {})) {
    const s = child.default !== undefined ? child : derefSchema(child, resolve);
    if (s?.default === undefined) continue;
    const missing = !Object.hasOwn(obj, key) || obj[key] === undefined || (obj[key] === null && !s.nullable);
    if (missing) obj[key] = deepCopy(s.default);
  }
  const extra = typeof schema.additionalProperties === 'object' ? schema.additionalProperties : undefined;
  for (const key of Object.keys(obj)) {
    const known = schema.properties && Object.hasOwn(schema.properties, key) ? schema.properties[key] : undefined;
    const child = known ?? extra;
    if (!child) continue;
    if (obj[key] === null && extra && !known) {
      const e = derefSchema(extra, resolve);
      if (!e?.nullable && e?.default !== undefined) obj[key] = deepCopy(e.default);
    }
    applySchemaDefaults(obj[key], child, resolve);
  }
}

/** Drops nulls that a schema does not allow but has a default for (before defaulting, as CRDs do). */
export function pruneNonNullableNullsWithDefaults(obj: unknown, schema: Schema | undefined): void {
  if (!isObject(obj)) {
    if (Array.isArray(obj)) for (const v of obj) pruneNonNullableNullsWithDefaults(v, schema?.items);
    return;
  }
  const extra = typeof schema?.additionalProperties === 'object' ? schema.additionalProperties : undefined;
  for (const key of Object.keys(obj)) {
    const known = schema?.properties && Object.hasOwn(schema.properties, key) ? schema.properties[key] : undefined;
    const child = known ?? extra;
    if (!child) continue;
    if (obj[key] === null && !child.nullable && child.default !== undefined) delete obj[key];
    else pruneNonNullableNullsWithDefaults(obj[key], child);
  }
}
