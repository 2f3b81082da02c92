import { newBadRequest, newPatchError } from './errors.js';
import { deepCopy, deepEqual } from './meta.js';
import { derefSchema, type Schema, type SchemaResolver } from './schema.js';

type Json = Record<string, unknown>;
const isObject = (v: unknown): v is Json => typeof v === 'object' && v !== null && !Array.isArray(v);

const directive = '$patch';
const retainKeys = '$retainKeys';
const deleteFromList = '$deleteFromPrimitiveList/';
const setElementOrder = '$setElementOrder/';
const isDirective = (k: string) =>
  k === directive || k === retainKeys || k.startsWith(deleteFromList) || k.startsWith(setElementOrder);

interface FieldInfo {
  schema: Schema | undefined;
  strategies: string[];
  mergeKey: string;
}

function fieldInfo(schema: Schema | undefined, key: string, resolve: SchemaResolver): FieldInfo {
  const extra = schema?.additionalProperties;
  const declared =
    (schema?.properties && Object.hasOwn(schema.properties, key) ? schema.properties[key] : undefined) ??
    (typeof extra === 'object' ? extra : undefined);
  const s = derefSchema(declared, resolve);
  return {
    schema: s,
    strategies: (s?.['x-kubernetes-patch-strategy'] ?? '').split(',').filter((x) => x !== ''),
    mergeKey: s?.['x-kubernetes-patch-merge-key'] ?? '',
  };
}

/**
 * Applies a strategic merge patch (KEP-less, see the API conventions) to a copy of the document, with all directives:
 * `$patch: replace|delete|merge`, `$retainKeys`, `$deleteFromPrimitiveList/x`, `$setElementOrder/x`.
 * @param schema of the object, with x-kubernetes-patch-strategy and x-kubernetes-patch-merge-key
 * @throws StatusError 400 or 422 with strategicpatch's texts
 */
export function applyStrategicMergePatch<T>(document: T, patch: unknown, schema: Schema, resolve: SchemaResolver): T {
  if (!isObject(patch))
    throw newBadRequest('error decoding patch: json: cannot unmarshal into map[string]interface {}');
  const original = (isObject(document) ? deepCopy(document) : {}) as Json;
  return mergeMap(original, deepCopy(patch), derefSchema(schema, resolve), resolve) as T;
}

function badDirective(value: unknown): Error {
  return newPatchError(`unknown patch type found: ${String(value)}`);
}

function mergeMap(original: Json, patch: Json, schema: Schema | undefined, resolve: SchemaResolver): Json {
  if (Object.hasOwn(patch, directive)) {
    const d = patch[directive];
    if (d === 'replace') {
      delete patch[directive];
      return cleaned(patch) as Json;
    }
    if (d === 'delete') return {};
    if (d !== 'merge') throw badDirective(d);
    delete patch[directive];
  }
  applyRetainKeys(original, patch);
  for (const key of Object.keys(patch)) {
    if (isDirective(key)) continue;
    const value = patch[key];
    if (value === null) {
      delete original[key];
      continue;
    }
    const info = fieldInfo(schema, key, resolve);
    const order = patch[setElementOrder + key];
    const deletions = patch[deleteFromList + key];
    const now = Object.hasOwn(original, key) ? original[key] : undefined;
    if (isObject(value)) {
      original[key] =
        isObject(now) && !info.strategies.includes('replace')
          ? mergeMap(now, value, info.schema, resolve)
          : mergeMap({}, value, info.schema, resolve);
      // Deleting a map by directive deletes the field.
      if (value[directive] === 'delete') delete original[key];
    } else if (Array.isArray(value)) {
      if (info.strategies.includes('merge')) {
        original[key] = mergeList(Array.isArray(now) ? now : [], value, info, order, deletions, resolve, key);
      } else original[key] = cleaned(value);
    } else original[key] = value;
  }
  applyListDirectivesAlone(original, patch, schema, resolve);
  return original;
}

/** `$setElementOrder/x` and `$deleteFromPrimitiveList/x` whose list `x` is not in the patch itself. */
function applyListDirectivesAlone(
  original: Json,
  patch: Json,
  schema: Schema | undefined,
  resolve: SchemaResolver,
): void {
  for (const k of Object.keys(patch)) {
    const prefix = k.startsWith(deleteFromList)
      ? deleteFromList
      : k.startsWith(setElementOrder)
        ? setElementOrder
        : undefined;
    if (!prefix) continue;
    const key = k.slice(prefix.length);
    if (Object.hasOwn(patch, key)) continue;
    const now = original[key];
    if (!Array.isArray(now)) continue;
    const info = fieldInfo(schema, key, resolve);
    const merged = mergeList(now, [], info, patch[setElementOrder + key], patch[deleteFromList + key], resolve, key);
    original[key] = merged;
  }
}

function applyRetainKeys(original: Json, patch: Json): void {
  const keep = patch[retainKeys];
  if (keep === undefined) return;
  if (!Array.isArray(keep)) throw newPatchError('invalid patch format of retainKeys: must be a list of strings');
  for (const k of Object.keys(patch)) {
    if (!isDirective(k) && patch[k] !== null && !keep.includes(k)) {
      throw newPatchError(`$retainKeys directives' key list and patch's keys do not match: ${k} is missing`);
    }
  }
  for (const k of Object.keys(original)) if (!keep.includes(k)) delete original[k];
  delete patch[retainKeys];
}

/** Directives taken out of what is put in as a whole. */
function cleaned(v: unknown): unknown {
  if (Array.isArray(v)) {
    return v.filter((x) => !(isObject(x) && x[directive] !== undefined && onlyListDirective(x))).map(cleaned);
  }
  if (!isObject(v)) return v;
  const out: Json = {};
  for (const k of Object.keys(v)) if (!isDirective(k) && v[k] !== null) out[k] = cleaned(v[k]);
  return out;
}

const onlyListDirective = (x: Json) => x[directive] === 'delete' || Object.keys(x).length === 1;

function mergeList(
  original: unknown[],
  patch: unknown[],
  info: FieldInfo,
  order: unknown,
  deletions: unknown,
  resolve: SchemaResolver,
  key: string,
): unknown[] {
  const itemSchema = derefSchema(info.schema?.items, resolve);
  const primitive = info.mergeKey === '';
  let result: unknown[];
  if (primitive) {
    const gone = Array.isArray(deletions) ? deletions : [];
    result = original.filter((x) => !gone.some((g) => deepEqual(g, x)));
    for (const x of patch) if (!result.some((r) => deepEqual(r, x))) result.push(x);
  } else result = mergeListOfMaps(original, patch, info.mergeKey, itemSchema, resolve);
  if (order === undefined) return result;
  if (!Array.isArray(order)) throw newPatchError(`invalid patch format of ${setElementOrder}${key}: must be a list`);
  const idOf = (x: unknown) => (primitive ? x : isObject(x) ? x[info.mergeKey] : undefined);
  return reorder(result, original, order, idOf);
}

function mergeListOfMaps(
  original: unknown[],
  patch: unknown[],
  mergeKey: string,
  schema: Schema | undefined,
  resolve: SchemaResolver,
): unknown[] {
  let result = [...original];
  let replaced = false;
  const rest: Json[] = [];
  for (const p of patch) {
    if (!isObject(p)) throw newPatchError('expected a list of objects in the patch');
    const d = p[directive];
    if (d === 'replace') {
      replaced = true;
      if (Object.keys(p).length > 1) {
        const { [directive]: _drop, ...value } = p;
        rest.push(value);
      }
    } else if (d === 'delete') {
      if (!(mergeKey in p)) throw missingKey(p, mergeKey);
      result = result.filter((x) => !(isObject(x) && deepEqual(x[mergeKey], p[mergeKey])));
    } else if (d !== undefined && d !== 'merge') throw badDirective(d);
    else rest.push(p);
  }
  if (replaced) return rest.map(cleaned);
  for (const p of rest) {
    if (p[mergeKey] === undefined) throw missingKey(p, mergeKey);
    const i = result.findIndex((x) => isObject(x) && deepEqual(x[mergeKey], p[mergeKey]));
    if (i >= 0) result[i] = mergeMap(result[i] as Json, p, schema, resolve);
    else result.push(mergeMap({}, p, schema, resolve));
  }
  return result;
}

function missingKey(p: Json, mergeKey: string): Error {
  return newPatchError(`map: ${JSON.stringify(p)} does not contain declared merge key: ${mergeKey}`);
}

/**
 * Puts the list into the order that `$setElementOrder` gives. What the order does not name (the server's own
 * elements) stays where it was relative to its neighbours in the original.
 */
function reorder(list: unknown[], original: unknown[], order: unknown[], idOf: (x: unknown) => unknown): unknown[] {
  const orderIds = order.map(idOf);
  const position = (x: unknown) => orderIds.findIndex((o) => deepEqual(o, idOf(x)));
  const named = list.filter((x) => position(x) >= 0).sort((a, b) => position(a) - position(b));
  const serverOnly = list.filter((x) => position(x) < 0);
  const originalIndex = (x: unknown) => original.findIndex((o) => deepEqual(idOf(o), idOf(x)));
  const out: unknown[] = [];
  let i = 0;
  let j = 0;
  while (i < named.length && j < serverOnly.length) {
    const a = originalIndex(named[i]);
    const b = originalIndex(serverOnly[j]);
    // New elements come before what only the server has, as strategicpatch merges the two lists.
    if (a < 0 || a < b) out.push(named[i++]);
    else out.push(serverOnly[j++]);
  }
  return [...out, ...named.slice(i), ...serverOnly.slice(j)];
}
