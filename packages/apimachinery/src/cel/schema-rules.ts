import { type FieldError, FieldPath, field } from '../field.js';
import { derefSchema, noReferences, type Schema, type SchemaResolver, type SchemaValidationRule } from '../schema.js';
import { celMessage, compileCel } from './program.js';
import { toCel } from './values.js';

const isObject = (v: unknown): v is Record<string, unknown> => typeof v === 'object' && v !== null && !Array.isArray(v);

const variables = ['self', 'oldSelf'] as const;

/** Whether a rule looks at the old value: it runs on updates only. */
const isTransition = (rule: string) => /\boldSelf\b/.test(rule);

/** Whether a schema has rules anywhere; schemas without are not walked. */
const hasRules = new WeakMap<Schema, boolean>();
function anyRules(schema: Schema | undefined, resolve: SchemaResolver, depth = 0): boolean {
  if (!schema || depth > 60) return false;
  const known = hasRules.get(schema);
  if (known !== undefined) return known;
  const s = derefSchema(schema, resolve);
  const below = [
    s?.items,
    ...Object.values(s?.properties ?? {}),
    typeof s?.additionalProperties === 'object' ? s.additionalProperties : undefined,
  ];
  const found =
    (s?.['x-kubernetes-validations'] ?? []).length > 0 || below.some((b) => anyRules(b, resolve, depth + 1));
  hasRules.set(schema, found);
  return found;
}

/**
 * Checks an object by the CEL rules (x-kubernetes-validations) of its schema. Rules that name `oldSelf` run only
 * where there is an old value. The object must be valid by the rest of the schema already.
 */
export function validateSchemaRules(
  obj: unknown,
  old: unknown,
  schema: Schema,
  path: FieldPath = FieldPath.of(),
  resolve: SchemaResolver = noReferences,
): FieldError[] {
  const out: FieldError[] = [];
  walk(obj, old, schema, path, resolve, out);
  return out;
}

function walk(
  value: unknown,
  old: unknown,
  declared: Schema,
  path: FieldPath,
  resolve: SchemaResolver,
  out: FieldError[],
): void {
  if (value === undefined || value === null || !anyRules(declared, resolve)) return;
  const schema = derefSchema(declared, resolve);
  if (!schema) return;
  const rules = schema['x-kubernetes-validations'];
  if (rules && rules.length > 0) runRules(rules, value, old, schema, path, resolve, out);
  if (Array.isArray(value) && schema.items) {
    const items = schema.items;
    const correlate = correlation(schema, old);
    value.forEach((v, i) => {
      walk(v, correlate(v), items, path.index(i), resolve, out);
    });
  } else if (isObject(value)) {
    const extra = typeof schema.additionalProperties === 'object' ? schema.additionalProperties : undefined;
    const before = isObject(old) ? old : undefined;
    for (const key of Object.keys(value)) {
      const known = schema.properties && Object.hasOwn(schema.properties, key) ? schema.properties[key] : undefined;
      const child = known ?? extra;
      if (child) walk(value[key], before?.[key], child, known ? path.child(key) : path.key(key), resolve, out);
    }
  }
}

/** Finds an element's old value: possible only where elements have keys. */
function correlation(schema: Schema, old: unknown): (item: unknown) => unknown {
  const keys = schema['x-kubernetes-list-map-keys'] ?? [];
  if (schema['x-kubernetes-list-type'] !== 'map' || keys.length === 0 || !Array.isArray(old)) return () => undefined;
  return (item) => {
    if (!isObject(item)) return undefined;
    return old.find((o) => isObject(o) && keys.every((k) => o[k] === item[k]));
  };
}

function runRules(
  rules: SchemaValidationRule[],
  value: unknown,
  old: unknown,
  schema: Schema,
  path: FieldPath,
  resolve: SchemaResolver,
  out: FieldError[],
): void {
  const self = toCel(value, schema, resolve);
  const oldSelf = old === undefined || old === null ? undefined : toCel(old, schema, resolve);
  for (const rule of rules) {
    if (isTransition(rule.rule) && oldSelf === undefined && !rule.optionalOldSelf) continue;
    const context = { self, oldSelf: oldSelf ?? null };
    try {
      if (compileCel(rule.rule, variables).evaluate(context) === true) continue;
    } catch (err) {
      out.push(
        field.invalid(
          path,
          typeName(value),
          `rule evaluation error: ${celMessage(err)}: evaluating rule: ${rule.rule}`,
        ),
      );
      continue;
    }
    out.push(failure(rule, context, value, path));
  }
}

function failure(
  rule: SchemaValidationRule,
  context: Record<string, unknown>,
  value: unknown,
  path: FieldPath,
): FieldError {
  const at = rule.fieldPath ? subPath(path, rule.fieldPath) : path;
  const detail = messageOf(rule, context);
  switch (rule.reason) {
    case 'FieldValueForbidden':
      return field.forbidden(at, detail);
    case 'FieldValueRequired':
      return field.required(at, detail);
    case 'FieldValueDuplicate':
      return { ...field.duplicate(at, typeName(value)), detail };
    default:
      return field.invalid(at, typeName(value), detail);
  }
}

function messageOf(rule: SchemaValidationRule, context: Record<string, unknown>): string {
  if (rule.messageExpression) {
    try {
      const text = compileCel(rule.messageExpression, variables).evaluate(context);
      if (typeof text === 'string' && text.trim() !== '' && !/[\r\n]/.test(text)) return text;
    } catch {
      // A message that can't be made must not hide the failure: the fixed message follows.
      return rule.message ?? `failed rule: ${rule.rule.trim()}`;
    }
  }
  return rule.message?.trim() || `failed rule: ${rule.rule.trim()}`;
}

function subPath(path: FieldPath, text: string): FieldPath {
  let out = path;
  for (const m of text.matchAll(/\.([^.[\]]+)|\['([^']*)'\]/g)) out = out.child(m[1] ?? m[2] ?? '');
  return out;
}

function typeName(v: unknown): string {
  if (Array.isArray(v)) return 'array';
  if (typeof v === 'number') return Number.isInteger(v) ? 'integer' : 'number';
  return typeof v;
}

/** The rules of a schema that do not compile, as field errors below `path` (checked when a CRD is written). */
export function validateRuleSyntax(schema: Schema, path: FieldPath): FieldError[] {
  const out: FieldError[] = [];
  (schema['x-kubernetes-validations'] ?? []).forEach((r, i) => {
    const p = path.child('x-kubernetes-validations').index(i);
    const check = (text: string, name: string) => {
      try {
        compileCel(text, variables);
      } catch (err) {
        out.push(field.invalid(p.child(name), text, `compilation failed: ERROR: <input>: ${(err as Error).message}`));
      }
    };
    if (!r.rule?.trim()) out.push(field.required(p.child('rule'), 'rule is not specified'));
    else check(r.rule, 'rule');
    if (r.messageExpression) check(r.messageExpression, 'messageExpression');
  });
  for (const [name, child] of Object.entries(schema.properties ?? {})) {
    out.push(...validateRuleSyntax(child, path.child('properties').key(name)));
  }
  if (schema.items) out.push(...validateRuleSyntax(schema.items, path.child('items')));
  if (typeof schema.additionalProperties === 'object') {
    out.push(...validateRuleSyntax(schema.additionalProperties, path.child('additionalProperties')));
  }
  return out;
}
