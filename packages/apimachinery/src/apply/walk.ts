import { deepEqual } from '../meta.js';
import type { Schema, SchemaResolver } from '../schema.js';
import { FieldSet } from './field-set.js';
import { indexList, isMap, listElement, shapeOf } from './typed.js';

/** The set of all fields that an object has (a manager who applies it owns these). @throws TypedError */
export function fieldSetOf(obj: unknown, schema: Schema, resolve: SchemaResolver): FieldSet {
  const out = FieldSet.empty();
  collect(obj, schema, resolve, [], out);
  return out;
}

function collect(
  value: unknown,
  schema: Schema | undefined,
  resolve: SchemaResolver,
  path: string[],
  out: FieldSet,
): void {
  const shape = shapeOf(schema, resolve, value);
  if (shape.kind === 'map' && isMap(value)) {
    for (const key of Object.keys(value)) {
      if (value[key] === undefined) continue;
      const f = shape.field(key);
      const at = [...path, `f:${key}`];
      const v = value[key];
      collect(v, f.schema, resolve, at, out);
      if (v === null || (isMap(v) && Object.keys(v).length === 0) || !f.declared) out.insert(at);
    }
    return;
  }
  if (shape.kind === 'list' && Array.isArray(value)) {
    for (const [element, item] of indexList(shape, value, resolve, false)) {
      const at = [...path, element];
      collect(item, shape.items, resolve, at, out);
      out.insert(at);
    }
    return;
  }
  if (path.length > 0) out.insert(path);
}

export interface Comparison {
  added: FieldSet;
  modified: FieldSet;
  removed: FieldSet;
}

/** What changed from `before` to `after`. */
export function compareObjects(before: unknown, after: unknown, schema: Schema, resolve: SchemaResolver): Comparison {
  const out: Comparison = { added: FieldSet.empty(), modified: FieldSet.empty(), removed: FieldSet.empty() };
  compare(before, after, schema, resolve, [], out);
  return out;
}

const isEmpty = (v: unknown) =>
  v === undefined || v === null || (Array.isArray(v) ? v.length === 0 : isMap(v) && Object.keys(v).length === 0);

/** `path` is changed while walking and back as it was afterwards: sets copy what they keep. */
function compare(
  a: unknown,
  b: unknown,
  schema: Schema | undefined,
  resolve: SchemaResolver,
  path: string[],
  out: Comparison,
): void {
  if (a === b) return;
  // Most updates leave most of spec or status alone: one quick look spares the walk by schema.
  if (path.length === 1 && a !== undefined && b !== undefined && deepEqual(a, b)) return;
  const shape = shapeOf(schema, resolve, b ?? a);
  if ((shape.kind !== 'map' && shape.kind !== 'list') || (isEmpty(a) && isEmpty(b))) {
    if (path.length === 0) return;
    if (a === undefined) out.added.insert(path);
    else if (b === undefined) out.removed.insert(path);
    else if (!deepEqual(a, b)) out.modified.insert(path);
    return;
  }
  const step = (element: string, x: unknown, y: unknown, child: Schema | undefined) => {
    path.push(element);
    compare(x, y, child, resolve, path, out);
    path.pop();
  };
  if (shape.kind === 'map') {
    const x = isMap(a) ? a : {};
    const y = isMap(b) ? b : {};
    for (const key of Object.keys(y)) step(`f:${key}`, x[key], y[key], shape.field(key).schema);
    for (const key of Object.keys(x))
      if (!Object.hasOwn(y, key)) step(`f:${key}`, x[key], undefined, shape.field(key).schema);
  } else {
    const x = indexList(shape, Array.isArray(a) ? a : [], resolve, true);
    const y = indexList(shape, Array.isArray(b) ? b : [], resolve, true);
    for (const [element, item] of y) step(element, x.get(element), item, shape.items);
    for (const [element, item] of x) if (!y.has(element)) step(element, item, undefined, shape.items);
  }
  if (path.length === 0) return;
  if (a === undefined) out.added.insert(path);
  else if (b === undefined) out.removed.insert(path);
}

/** `base` with everything that `config` has put over it; lists with keys are merged by element. Shares with both. */
export function mergeObjects(
  base: unknown,
  config: unknown,
  schema: Schema | undefined,
  resolve: SchemaResolver,
): unknown {
  if (config === undefined) return base;
  if (base === undefined || base === null) return config;
  const shape = shapeOf(schema, resolve, config);
  if (shape.kind === 'map' && isMap(base) && isMap(config)) {
    const out: Record<string, unknown> = { ...base };
    for (const key of Object.keys(config))
      out[key] = mergeObjects(base[key], config[key], shape.field(key).schema, resolve);
    return out;
  }
  if (shape.kind === 'list' && Array.isArray(base) && Array.isArray(config)) {
    const left = indexList(shape, base, resolve, true);
    const right = indexList(shape, config, resolve, false);
    return mergeLists(left, right, (l, r) => mergeObjects(l, r, shape.items, resolve));
  }
  return config;
}

/** Shared elements take the right side's order; elements of the left side only stay before their next neighbour. */
function mergeLists(
  left: Map<string, unknown>,
  right: Map<string, unknown>,
  merge: (l: unknown, r: unknown) => unknown,
): unknown[] {
  const out: unknown[] = [];
  const lefts = [...left.keys()];
  const rights = [...right.keys()];
  const shared = rights.filter((k) => left.has(k));
  let nextShared = 0;
  let l = 0;
  let r = 0;
  while (l < lefts.length || r < rights.length) {
    const lk = lefts[l];
    const rk = rights[r];
    if (lk !== undefined && rk !== undefined && lk === rk) {
      out.push(merge(left.get(lk), right.get(rk)));
      l += 1;
      r += 1;
      nextShared += 1;
    } else if (lk !== undefined && right.has(lk) && (rk === undefined || shared[nextShared] !== lk)) {
      // Shared, but its turn by the right side's order is another time.
      l += 1;
    } else if (lk !== undefined && !right.has(lk)) {
      out.push(left.get(lk));
      l += 1;
    } else if (rk !== undefined) {
      out.push(left.has(rk) ? merge(left.get(rk), right.get(rk)) : right.get(rk));
      if (shared[nextShared] === rk) nextShared += 1;
      r += 1;
    } else l += 1;
  }
  return out;
}

/** The object without the fields of the set. Maps and lists that become empty by it go too. */
export function removeFields(
  value: unknown,
  set: FieldSet,
  schema: Schema | undefined,
  resolve: SchemaResolver,
): unknown {
  const shape = shapeOf(schema, resolve, value);
  if (shape.kind === 'map' && isMap(value)) {
    const out: Record<string, unknown> = {};
    for (const key of Object.keys(value)) {
      const { member, below } = set.descend(`f:${key}`);
      if (member) continue;
      const kept = below ? removeFields(value[key], below, shape.field(key).schema, resolve) : value[key];
      if (kept !== undefined) out[key] = kept;
    }
    return Object.keys(out).length === 0 && Object.keys(value).length > 0 ? undefined : out;
  }
  if (shape.kind === 'list' && Array.isArray(value)) {
    const out: unknown[] = [];
    for (const item of value) {
      const { member, below } = set.descend(listElement(shape, item, resolve));
      if (member) continue;
      const kept = below ? removeFields(item, below, shape.items, resolve) : item;
      if (kept !== undefined) out.push(kept);
    }
    return out.length === 0 && value.length > 0 ? undefined : out;
  }
  return value;
}

/** The set with every struct field on the way to a member made a member too, as removal needs it. */
export function withParents(set: FieldSet): FieldSet {
  const out = FieldSet.empty();
  for (const path of set.paths()) {
    for (let i = 1; i <= path.length; i++)
      if (i === path.length || path[i - 1]?.startsWith('f:')) out.insert(path.slice(0, i));
  }
  return out;
}
