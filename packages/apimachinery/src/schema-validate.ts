import { isIP } from 'node:net';
import { type FieldError, FieldPath, field } from './field.js';
import { deepEqual, parseTime } from './meta.js';
import { derefSchema, noReferences, type Schema, type SchemaResolver } from './schema.js';

/**
 * Validates an object by an OpenAPI v3 schema (CRDs), with the messages that Kubernetes gives.
 * CEL rules are not looked at here.
 */
export function validateSchema(
  obj: unknown,
  schema: Schema,
  path: FieldPath = FieldPath.of(),
  resolve: SchemaResolver = noReferences,
): FieldError[] {
  const out: FieldError[] = [];
  check(obj, schema, path, resolve, out, true);
  return out;
}

function typeName(v: unknown): string {
  if (v === null || v === undefined) return 'null';
  if (Array.isArray(v)) return 'array';
  if (typeof v === 'number') return Number.isInteger(v) ? 'integer' : 'number';
  return typeof v;
}

const shownName = (path: FieldPath) => (path.raw === '' ? '' : path.raw);
const inBody = (path: FieldPath, text: string) => `${shownName(path)} in body ${text}`.trimStart();

const formats: Record<string, (s: string) => boolean> = {
  'date-time': (s) => parseTime(s) !== undefined,
  datetime: (s) => parseTime(s) !== undefined,
  date: (s) => /^\d{4}-\d{2}-\d{2}$/.test(s) && !Number.isNaN(Date.parse(s)),
  ipv4: (s) => isIP(s) === 4,
  ipv6: (s) => isIP(s) === 6,
  cidr: (s) => isIP(s.split('/')[0] ?? '') !== 0 && /^[^/]+\/\d{1,3}$/.test(s),
  uuid: (s) => /^[0-9a-f]{8}-?[0-9a-f]{4}-?[0-9a-f]{4}-?[0-9a-f]{4}-?[0-9a-f]{12}$/i.test(s),
  email: (s) => /^[^@\s]+@[^@\s]+$/.test(s),
  hostname: (s) => s.length <= 253 && /^[a-z0-9]([-a-z0-9]*[a-z0-9])?(\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*\.?$/i.test(s),
  uri: (s) => URL.canParse(s) || s.startsWith('/'),
  byte: (s) => /^[A-Za-z0-9+/\r\n]*={0,2}$/.test(s),
};

const patternCache = new Map<string, RegExp | undefined>();

/** A pattern compiled once; undefined when JavaScript can't compile Go's syntax. */
function compiled(pattern: string): RegExp | undefined {
  if (patternCache.has(pattern)) return patternCache.get(pattern);
  let r: RegExp | undefined;
  try {
    r = new RegExp(pattern, 'u');
  } catch {
    try {
      r = new RegExp(pattern);
    } catch {
      r = undefined;
    }
  }
  if (patternCache.size > 5000) patternCache.clear();
  patternCache.set(pattern, r);
  return r;
}

function check(
  v: unknown,
  declared: Schema,
  path: FieldPath,
  resolve: SchemaResolver,
  out: FieldError[],
  structural: boolean,
): void {
  const s = derefSchema(declared, resolve);
  if (!s) return;
  if (v === null && s.nullable) return;
  if (v === undefined) return;
  if (!checkType(v, s, path, out)) return;
  checkEnum(v, s, path, out);
  if (typeof v === 'string') checkString(v, s, path, out);
  else if (typeof v === 'number') checkNumber(v, s, path, out);
  else if (Array.isArray(v)) checkArray(v, s, path, resolve, out);
  else if (typeof v === 'object' && v !== null) checkObject(v as Record<string, unknown>, s, path, resolve, out);
  checkJunctors(v, s, path, resolve, out, structural);
}

function checkType(v: unknown, s: Schema, path: FieldPath, out: FieldError[]): boolean {
  const actual = typeName(v);
  if (s['x-kubernetes-int-or-string']) {
    if (actual === 'integer' || actual === 'string') return true;
    out.push(
      field.typeInvalid(path, actual, inBody(path, `must be of type integer,string: ${JSON.stringify(actual)}`)),
    );
    return false;
  }
  if (!s.type) return true;
  const ok =
    s.type === actual ||
    (s.type === 'number' && actual === 'integer') ||
    // A float without a fraction is an integer in JSON.
    (s.type === 'integer' && typeof v === 'number' && Number.isInteger(v));
  if (!ok)
    out.push(field.typeInvalid(path, actual, inBody(path, `must be of type ${s.type}: ${JSON.stringify(actual)}`)));
  return ok;
}

function checkEnum(v: unknown, s: Schema, path: FieldPath, out: FieldError[]): void {
  if (!s.enum || s.enum.some((e) => deepEqual(e, v))) return;
  const allowed = s.enum.map((e) => (typeof e === 'string' ? e : JSON.stringify(e)));
  out.push(field.notSupported(path, v, allowed));
}

function checkString(v: string, s: Schema, path: FieldPath, out: FieldError[]): void {
  if (s.maxLength !== undefined && [...v].length > s.maxLength) out.push(field.tooLong(path, v, s.maxLength));
  if (s.minLength !== undefined && [...v].length < s.minLength) {
    out.push(field.invalid(path, v, inBody(path, `should be at least ${s.minLength} chars long`)));
  }
  if (s.pattern !== undefined) {
    const r = compiled(s.pattern);
    if (!r) out.push(field.invalid(path, v, inBody(path, `should match '${s.pattern}', but pattern is invalid`)));
    else if (!r.test(v)) out.push(field.invalid(path, v, inBody(path, `should match '${s.pattern}'`)));
  }
  const format = s.format ? formats[s.format] : undefined;
  if (format && !format(v)) {
    out.push(field.invalid(path, v, inBody(path, `must be of type ${s.format}: ${JSON.stringify(v)}`)));
  }
}

function checkNumber(v: number, s: Schema, path: FieldPath, out: FieldError[]): void {
  const fail = (text: string) => out.push(field.invalid(path, v, inBody(path, text)));
  if (s.maximum !== undefined && (s.exclusiveMaximum ? v >= s.maximum : v > s.maximum)) {
    fail(`should be less than ${s.exclusiveMaximum ? '' : 'or equal to '}${s.maximum}`);
  }
  if (s.minimum !== undefined && (s.exclusiveMinimum ? v <= s.minimum : v < s.minimum)) {
    fail(`should be greater than ${s.exclusiveMinimum ? '' : 'or equal to '}${s.minimum}`);
  }
  if (s.multipleOf !== undefined && !Number.isInteger(Number((v / s.multipleOf).toFixed(9)))) {
    fail(`should be a multiple of ${s.multipleOf}`);
  }
  const limits: Record<string, [number, number]> = { int32: [-2147483648, 2147483647], int64: [-(2 ** 63), 2 ** 63] };
  const range = s.type === 'integer' && s.format ? limits[s.format] : undefined;
  if (range && (v < range[0] || v > range[1])) {
    out.push(field.invalid(path, v, inBody(path, `must be of type ${s.format}: ${v}`)));
  }
}

function checkArray(v: unknown[], s: Schema, path: FieldPath, resolve: SchemaResolver, out: FieldError[]): void {
  if (s.maxItems !== undefined && v.length > s.maxItems) out.push(field.tooMany(path, v.length, s.maxItems));
  if (s.minItems !== undefined && v.length < s.minItems) {
    out.push(field.invalid(path, v.length, inBody(path, `should have at least ${s.minItems} items`)));
  }
  if (s.uniqueItems && hasDuplicates(v)) out.push(field.invalid(path, v, inBody(path, "shouldn't contain duplicates")));
  if (s.items) for (let i = 0; i < v.length; i++) check(v[i], s.items, path.index(i), resolve, out, true);
  checkListType(v, s, path, out);
}

function hasDuplicates(v: unknown[]): boolean {
  return new Set(v.map((x) => stableJson(x))).size !== v.length;
}

function stableJson(v: unknown): string {
  return JSON.stringify(v, (_k, x) =>
    typeof x === 'object' && x !== null && !Array.isArray(x)
      ? Object.fromEntries(Object.entries(x).sort(([a], [b]) => (a < b ? -1 : 1)))
      : x,
  );
}

function checkListType(v: unknown[], s: Schema, path: FieldPath, out: FieldError[]): void {
  const type = s['x-kubernetes-list-type'];
  if (type !== 'set' && type !== 'map') return;
  const seen = new Set<string>();
  const reported = new Set<string>();
  v.forEach((item, i) => {
    let shown: unknown = item;
    if (type === 'map') {
      const keys = s['x-kubernetes-list-map-keys'] ?? [];
      const o = (typeof item === 'object' && item !== null ? item : {}) as Record<string, unknown>;
      shown = Object.fromEntries(keys.map((k) => [k, o[k] ?? s.items?.properties?.[k]?.default]));
    }
    const id = stableJson(shown);
    if (seen.has(id) && !reported.has(id)) {
      reported.add(id);
      out.push(field.duplicate(path.index(i), shown));
    }
    seen.add(id);
  });
}

function checkObject(
  v: Record<string, unknown>,
  s: Schema,
  path: FieldPath,
  resolve: SchemaResolver,
  out: FieldError[],
): void {
  const keys = Object.keys(v);
  if (s.maxProperties !== undefined && keys.length > s.maxProperties)
    out.push(field.tooMany(path, keys.length, s.maxProperties));
  if (s.minProperties !== undefined && keys.length < s.minProperties) {
    out.push(field.invalid(path, keys.length, inBody(path, `should have at least ${s.minProperties} properties`)));
  }
  for (const r of s.required ?? []) if (!Object.hasOwn(v, r)) out.push(field.required(path.child(r), ''));
  for (const k of keys) {
    const known = s.properties && Object.hasOwn(s.properties, k) ? s.properties[k] : undefined;
    const extra = typeof s.additionalProperties === 'object' ? s.additionalProperties : undefined;
    if (known) check(v[k], known, path.child(k), resolve, out, true);
    else if (extra) check(v[k], extra, path.child(k), resolve, out, true);
    else if (s.additionalProperties === false)
      out.push(field.invalid(path, '', inBody(path, `is a forbidden property: ${k}`)));
  }
}

function checkJunctors(
  v: unknown,
  s: Schema,
  path: FieldPath,
  resolve: SchemaResolver,
  out: FieldError[],
  _structural: boolean,
): void {
  const run = (sub: Schema): FieldError[] => {
    const errors: FieldError[] = [];
    check(v, sub, path, resolve, errors, false);
    return errors;
  };
  const fail = (text: string) => out.push(field.invalid(path, v, `${JSON.stringify(path.raw)} ${text}`));
  if (s.allOf && s.allOf.length > 0) {
    const results = s.allOf.map(run);
    if (results.some((r) => r.length > 0)) {
      fail('must validate all the schemas (allOf)');
      for (const r of results) out.push(...r);
    }
  }
  if (s.anyOf && s.anyOf.length > 0) {
    const results = s.anyOf.map(run);
    if (results.every((r) => r.length > 0)) {
      fail('must validate at least one schema (anyOf)');
      out.push(...(results.reduce((a, b) => (b.length < a.length ? b : a)) ?? []));
    }
  }
  if (s.oneOf && s.oneOf.length > 0) {
    const results = s.oneOf.map(run);
    const valid = results.filter((r) => r.length === 0).length;
    if (valid !== 1) {
      fail(
        `must validate one and only one schema (oneOf). Found ${valid === 0 ? 'none' : valid} valid ${valid === 0 ? '' : 'alternatives'}`.trimEnd(),
      );
      if (valid === 0) out.push(...(results[0] ?? []));
    }
  }
  if (s.not && run(s.not).length === 0) fail('must not validate the schema (not)');
}
