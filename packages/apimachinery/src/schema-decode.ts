import { parseTime } from './meta.js';
import { Quantity } from './quantity.js';
import { derefSchema, type Schema, type SchemaResolver } from './schema.js';

export interface DecodeResult {
  /** Texts for strict field validation: `unknown field "spec.foo"`. */
  unknownFields: string[];
  /** What the object can't be decoded for, in the words of Go's decoder: `json: cannot unmarshal string into ...`. */
  typeErrors: string[];
}

export interface DecodeOptions {
  /**
   * Changes the object to what a Go server would have after decoding: unknown fields and nulls dropped, quantities
   * and times in canonical form, empty fields of metadata left out.
   */
  normalize?: boolean;
  /** Normalizing leaves empty fields of metadata: of a configuration to apply, whose manager owns them too. */
  keepEmpty?: boolean;
}

/** Deeper objects are refused: recursion here and in every later walk stays bounded. */
export const maxDepth = 500;

interface Walk {
  resolve: SchemaResolver;
  normalize: boolean;
  keepEmpty: boolean;
  out: DecodeResult;
}

interface Place {
  /** As in strict errors, with indices: `spec.containers[0].image`. */
  path: string;
  /** As in Go's decoding errors, without indices: `spec.containers.image`. */
  goPath: string;
  /** Go name of the innermost struct. */
  struct: string;
  depth: number;
}

/**
 * Checks an object against the schema of a built-in kind as Kubernetes' decoder does: unknown fields are reported
 * (and dropped when normalizing), wrong types are errors.
 */
export function decodeStrict(
  obj: unknown,
  schema: Schema,
  resolve: SchemaResolver,
  options: DecodeOptions = {},
): DecodeResult {
  const { normalize = false, keepEmpty = false } = options;
  const walk: Walk = { resolve, normalize, keepEmpty, out: { unknownFields: [], typeErrors: [] } };
  visit(walk, obj, schema, { path: '', goPath: '', struct: '', depth: 0 });
  return walk.out;
}

const refOf = (schema: Schema): string | undefined =>
  schema.$ref ?? (schema.allOf?.length === 1 ? schema.allOf[0]?.$ref : undefined);

function jsonType(v: unknown): string {
  if (v === null) return 'null';
  if (Array.isArray(v)) return 'array';
  if (typeof v === 'boolean') return 'bool';
  return typeof v;
}

function lastName(ref: string): string {
  return ref.slice(Math.max(ref.lastIndexOf('.'), ref.lastIndexOf('/')) + 1);
}

/** The Go type that a schema stands for, as decoding errors print it. */
function goType(schema: Schema, resolve: SchemaResolver): string {
  const ref = refOf(schema);
  const s = derefSchema(schema, resolve) ?? schema;
  switch (s.type) {
    case 'integer':
      return s.format === 'int32' ? 'int32' : 'int64';
    case 'number':
      return 'float64';
    case 'boolean':
      return 'bool';
    case 'string':
      return s.format === 'byte' ? '[]uint8' : 'string';
    case 'array':
      return `[]${s.items ? goType(s.items, resolve) : 'interface {}'}`;
    default: {
      if (typeof s.additionalProperties === 'object') return `map[string]${goType(s.additionalProperties, resolve)}`;
      if (!ref) return 'map[string]interface {}';
      const parts = ref.slice(ref.lastIndexOf('/') + 1).split('.');
      return `${parts.at(-2) ?? 'v1'}.${parts.at(-1) ?? ''}`;
    }
  }
}

function typeError(walk: Walk, place: Place, value: unknown, schema: Schema): void {
  const at = place.goPath === '' ? 'Go value' : `Go struct field ${place.struct}.${place.goPath}`;
  const what =
    typeof value === 'number' && walk.resolve && goType(schema, walk.resolve).startsWith('int')
      ? `number ${value}`
      : jsonType(value);
  walk.out.typeErrors.push(`json: cannot unmarshal ${what} into ${at} of type ${goType(schema, walk.resolve)}`);
}

const isIntOrString = (s: Schema) => s['x-kubernetes-int-or-string'] === true || s.format === 'int-or-string';

/** Returns the value as a Go server would hold it. */
function visit(walk: Walk, value: unknown, declared: Schema, place: Place): unknown {
  const ref = refOf(declared);
  const schema = derefSchema(declared, walk.resolve);
  if (!schema) return value;
  if (place.depth > maxDepth) {
    walk.out.typeErrors.push('exceeded max depth');
    return value;
  }
  if (schema.format === 'quantity' || ref?.endsWith('.Quantity')) return visitQuantity(walk, value, declared, place);
  if (isIntOrString(schema)) {
    const ok = typeof value === 'string' || (typeof value === 'number' && Number.isInteger(value));
    if (!ok) walk.out.typeErrors.push(intOrStringError(value));
    return value;
  }
  switch (schema.type) {
    case 'string':
      return visitString(walk, value, schema, declared, place);
    case 'boolean':
      if (typeof value !== 'boolean') typeError(walk, place, value, declared);
      return value;
    case 'integer':
      if (typeof value !== 'number' || !fitsInteger(value, schema.format)) typeError(walk, place, value, declared);
      return value;
    case 'number':
      if (typeof value !== 'number') typeError(walk, place, value, declared);
      return value;
    case 'array':
      return visitArray(walk, value, schema, declared, place);
    default:
      if (schema.properties || typeof schema.additionalProperties === 'object') {
        return visitObject(walk, value, schema, declared, place);
      }
      if (schema.type === 'object' && (typeof value !== 'object' || value === null || Array.isArray(value))) {
        typeError(walk, place, value, declared);
      }
      return value;
  }
}

function fitsInteger(value: number, format: string | undefined): boolean {
  if (!Number.isInteger(value)) return false;
  if (format === 'int32') return value >= -2147483648 && value <= 2147483647;
  return Math.abs(value) < 2 ** 63;
}

function intOrStringError(value: unknown): string {
  return typeof value === 'number'
    ? `json: cannot unmarshal number ${value} into Go value of type int32`
    : `json: cannot unmarshal ${jsonType(value)} into Go value of type int32`;
}

function visitQuantity(walk: Walk, value: unknown, declared: Schema, place: Place): unknown {
  if (typeof value !== 'string' && typeof value !== 'number') {
    typeError(walk, place, value, declared);
    return value;
  }
  try {
    return Quantity.parse(value).toString();
  } catch (err) {
    walk.out.typeErrors.push((err as Error).message);
    return value;
  }
}

function visitString(walk: Walk, value: unknown, schema: Schema, declared: Schema, place: Place): unknown {
  if (typeof value !== 'string') {
    typeError(walk, place, value, declared);
    return value;
  }
  if (schema.format === 'byte') {
    const at = badBase64At(value);
    if (at >= 0) walk.out.typeErrors.push(`illegal base64 data at input byte ${at}`);
    return value.replace(/[\r\n]/g, '');
  }
  if (schema.format === 'date-time' || schema.format === 'micro-time') {
    const ms = parseTime(value);
    if (ms === undefined) {
      const layout = '2006-01-02T15:04:05Z07:00';
      walk.out.typeErrors.push(
        `parsing time ${JSON.stringify(JSON.stringify(value))} as ${JSON.stringify(JSON.stringify(layout))}: cannot parse ${JSON.stringify(value)} as "2006"`,
      );
      return value;
    }
    return canonicalTime(value, ms, isMicroTime(declared, schema));
  }
  return value;
}

const isMicroTime = (declared: Schema, schema: Schema) =>
  schema.format === 'micro-time' || lastName(refOf(declared) ?? '').endsWith('MicroTime');

function canonicalTime(text: string, ms: number, micro: boolean): string {
  const seconds = new Date(ms).toISOString().slice(0, 19);
  if (!micro) return `${seconds}Z`;
  const fraction = (/\.(\d+)/.exec(text)?.[1] ?? '').padEnd(6, '0').slice(0, 6);
  return `${seconds}.${fraction}Z`;
}

/** Where Go's base64 decoder would stop, or -1. */
function badBase64At(text: string): number {
  const clean = text.replace(/[\r\n]/g, '');
  const bad = /[^A-Za-z0-9+/=]/.exec(clean);
  if (bad) return bad.index;
  const pad = clean.indexOf('=');
  const body = pad < 0 ? clean : clean.slice(0, pad);
  const padding = pad < 0 ? '' : clean.slice(pad);
  if (body.length % 4 === 1 || (body.length + padding.length) % 4 !== 0) return clean.length;
  if (!/^={0,2}$/.test(padding)) return pad;
  return -1;
}

function zeroValue(schema: Schema | undefined): unknown {
  switch (schema?.type) {
    case 'string':
      return '';
    case 'integer':
    case 'number':
      return 0;
    case 'boolean':
      return false;
    case 'array':
      return [];
    case 'object':
      return {};
    default:
      return null;
  }
}

function visitArray(walk: Walk, value: unknown, schema: Schema, declared: Schema, place: Place): unknown {
  if (!Array.isArray(value)) {
    typeError(walk, place, value, declared);
    return value;
  }
  const items = schema.items;
  if (!items) return value;
  const resolved = derefSchema(items, walk.resolve);
  for (let i = 0; i < value.length; i++) {
    if (value[i] === null) {
      if (walk.normalize) value[i] = zeroValue(resolved);
      continue;
    }
    const now = visit(walk, value[i], items, { ...place, path: `${place.path}[${i}]`, depth: place.depth + 1 });
    if (walk.normalize) value[i] = now;
  }
  return value;
}

function visitObject(walk: Walk, value: unknown, schema: Schema, declared: Schema, place: Place): unknown {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) {
    typeError(walk, place, value, declared);
    return value;
  }
  const ref = refOf(declared);
  const struct = ref ? lastName(ref) : place.struct;
  const object = value as Record<string, unknown>;
  const extra = typeof schema.additionalProperties === 'object' ? schema.additionalProperties : undefined;
  const keep = schema['x-kubernetes-preserve-unknown-fields'] === true || schema.additionalProperties === true;
  for (const key of Object.keys(object)) {
    const known = schema.properties && Object.hasOwn(schema.properties, key) ? schema.properties[key] : undefined;
    const child = known ?? extra;
    const path = place.path === '' ? key : `${place.path}.${key}`;
    if (!child) {
      if (keep) continue;
      walk.out.unknownFields.push(`unknown field ${JSON.stringify(path)}`);
      if (walk.normalize) delete object[key];
      continue;
    }
    const member = object[key];
    if (member === null || member === undefined) {
      // Go leaves a field alone at null; a map gets the zero value of its elements.
      if (walk.normalize) {
        if (known) delete object[key];
        else object[key] = zeroValue(derefSchema(child, walk.resolve));
      }
      continue;
    }
    const goPath = place.goPath === '' ? key : `${place.goPath}.${key}`;
    const now = visit(walk, member, child, {
      path,
      goPath: known ? goPath : place.goPath,
      struct,
      depth: place.depth + 1,
    });
    if (walk.normalize && now !== member) object[key] = now;
  }
  if (walk.normalize && !walk.keepEmpty && ref && struct === 'ObjectMeta') omitEmpty(object);
  return value;
}

/** The members of ObjectMeta that Go leaves out when they are empty (`omitempty`, of a type that can be empty). */
const omittedWhenEmpty = [
  ...['labels', 'annotations', 'ownerReferences', 'finalizers', 'managedFields'],
  ...['name', 'generateName', 'namespace', 'selfLink', 'uid', 'resourceVersion', 'generation'],
];

function omitEmpty(meta: Record<string, unknown>): void {
  for (const key of omittedWhenEmpty) {
    const value = meta[key];
    if (value === undefined) continue;
    const isEmpty = typeof value === 'object' ? value === null || Object.keys(value).length === 0 : !value;
    if (isEmpty) delete meta[key];
  }
}
