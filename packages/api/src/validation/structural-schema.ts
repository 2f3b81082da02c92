import { type FieldPath, field, type Schema } from '@kubelab/apimachinery';
import type { Errors } from './common.js';

const TYPES = ['array', 'boolean', 'integer', 'number', 'object', 'string'];
const FORBIDDEN = ['$ref', 'definitions', 'dependencies', 'patternProperties', 'id', '$schema', 'additionalItems'];
const MAX_DEPTH = 200;

interface Place {
  path: FieldPath;
  /** Inside allOf, anyOf, oneOf or not: only value validations. */
  logical: boolean;
  root: boolean;
  depth: number;
  /** The property's name is metadata of the root or of an embedded resource. */
  metadata: boolean;
}

const intOrString = (s: Schema): boolean => s['x-kubernetes-int-or-string'] === true;
const preserve = (s: Schema): boolean => s['x-kubernetes-preserve-unknown-fields'] === true;

function checkType(s: Schema, place: Place, errors: Errors): void {
  const { path } = place;
  if (place.logical) {
    if (s.type && !intOrString(s)) errors.push(field.forbidden(path.child('type'), 'must be empty to be structural'));
    return;
  }
  if (!s.type) {
    if (place.root) errors.push(field.required(path.child('type'), 'must not be empty at the root'));
    else if (!intOrString(s) && !preserve(s)) {
      errors.push(field.required(path.child('type'), 'must not be empty for specified object fields'));
    }
  } else if (!TYPES.includes(s.type)) {
    errors.push(field.notSupported(path.child('type'), s.type, TYPES));
  } else if (place.root && s.type !== 'object') {
    errors.push(field.invalid(path.child('type'), s.type, 'must be object at the root'));
  }
  if (s.type && intOrString(s)) {
    errors.push(field.invalid(path.child('type'), s.type, 'must be empty if x-kubernetes-int-or-string is true'));
  }
  if (s['x-kubernetes-embedded-resource'] && s.type !== 'object') {
    errors.push(
      field.invalid(path.child('type'), s.type ?? '', 'must be object if x-kubernetes-embedded-resource is true'),
    );
  }
  if (s['x-kubernetes-embedded-resource'] && !preserve(s) && !s.properties) {
    errors.push(
      field.required(
        path.child('properties'),
        'must not be empty if x-kubernetes-embedded-resource is true without x-kubernetes-preserve-unknown-fields',
      ),
    );
  }
}

function checkLists(s: Schema, path: FieldPath, errors: Errors): void {
  const type = s['x-kubernetes-list-type'];
  const keys = s['x-kubernetes-list-map-keys'] ?? [];
  if (type !== undefined) {
    if (s.type !== 'array')
      errors.push(
        field.invalid(path.child('type'), s.type ?? '', 'must be array if x-kubernetes-list-type is specified'),
      );
    if (!['atomic', 'map', 'set'].includes(type))
      errors.push(field.notSupported(path.child('x-kubernetes-list-type'), type, ['atomic', 'map', 'set']));
  }
  if (type === 'map') {
    if (keys.length === 0)
      errors.push(
        field.required(path.child('x-kubernetes-list-map-keys'), 'must not be empty if x-kubernetes-list-type is map'),
      );
    if (s.items?.type !== 'object')
      errors.push(
        field.invalid(
          path.child('items', 'type'),
          s.items?.type ?? '',
          "must be object if parent array's x-kubernetes-list-type is map",
        ),
      );
    for (const [i, k] of keys.entries()) {
      if (!s.items?.properties?.[k]) {
        errors.push(
          field.invalid(
            path.child('x-kubernetes-list-map-keys').index(i),
            k,
            'entries must all be names of item properties',
          ),
        );
      } else if (!s.items.required?.includes(k) && s.items.properties[k]?.default === undefined) {
        errors.push(
          field.required(
            path.child('items', 'properties').key(k).child('default'),
            `this property is in x-kubernetes-list-map-keys, so it must have a default or be a required property`,
          ),
        );
      }
    }
  } else if (keys.length > 0) {
    errors.push(
      field.forbidden(path.child('x-kubernetes-list-map-keys'), 'must not be set if x-kubernetes-list-type is not map'),
    );
  }
}

function checkPatterns(s: Schema, path: FieldPath, errors: Errors): void {
  if (s.pattern !== undefined) {
    try {
      new RegExp(s.pattern);
    } catch (err) {
      // Go's syntax has inline flags that JavaScript lacks; those are fine.
      if (!/^\(\?[a-zA-Z]+\)/.test(s.pattern)) {
        errors.push(
          field.invalid(
            path.child('pattern'),
            s.pattern,
            `must be a valid regular expression, but isn't: ${(err as Error).message}`,
          ),
        );
      }
    }
  }
  if (s.uniqueItems) {
    errors.push(
      field.forbidden(
        path.child('uniqueItems'),
        'uniqueItems cannot be set to true since the runtime complexity becomes quadratic',
      ),
    );
  }
  if (s.additionalProperties !== undefined && s.properties && Object.keys(s.properties).length > 0) {
    errors.push(
      field.forbidden(path.child('additionalProperties'), 'additionalProperties and properties are mutual exclusive'),
    );
  }
  if (s.additionalProperties === false) {
    errors.push(field.forbidden(path.child('additionalProperties'), 'additionalProperties cannot be set to false'));
  }
}

function checkLogical(s: Schema, place: Place, errors: Errors): void {
  if (!place.logical) return;
  const { path } = place;
  for (const name of [
    'default',
    'description',
    'title',
    'nullable',
    'x-kubernetes-preserve-unknown-fields',
    'x-kubernetes-embedded-resource',
    'x-kubernetes-list-type',
  ] as const) {
    const value = s[name];
    if (value === undefined || value === false || value === '') continue;
    if (name === 'description' || name === 'title')
      errors.push(field.forbidden(path.child(name), 'must be empty to be structural'));
    else if (name === 'default') errors.push(field.forbidden(path.child(name), 'must be undefined to be structural'));
    else errors.push(field.forbidden(path.child(name), 'must be false to be structural'));
  }
  if (s.additionalProperties !== undefined)
    errors.push(field.forbidden(path.child('additionalProperties'), 'must be undefined to be structural'));
}

function checkRules(s: Schema, place: Place, errors: Errors): void {
  const rules = s['x-kubernetes-validations'] ?? [];
  for (const [i, rule] of rules.entries()) {
    const p = place.path.child('x-kubernetes-validations').index(i);
    if (!rule.rule?.trim()) errors.push(field.required(p.child('rule'), 'rule is not specified'));
    if (rule.message !== undefined && rule.message !== '' && rule.message.trim() === '') {
      errors.push(field.invalid(p.child('message'), rule.message, 'message must be non-empty if specified'));
    }
    if (rule.message?.trim().includes('\n'))
      errors.push(field.invalid(p.child('message'), rule.message, 'message must not contain line breaks'));
    if (rule.rule?.trim().includes('\n') && !rule.message)
      errors.push(field.required(p.child('message'), 'message must be specified if rule contains line breaks'));
    const reasons = ['FieldValueDuplicate', 'FieldValueForbidden', 'FieldValueInvalid', 'FieldValueRequired'];
    if (rule.reason !== undefined && !reasons.includes(rule.reason))
      errors.push(field.notSupported(p.child('reason'), rule.reason, reasons));
  }
}

function check(s: Schema, place: Place, errors: Errors): void {
  const { path } = place;
  if (place.depth > MAX_DEPTH) {
    errors.push(field.invalid(path, null, 'schema is nested too deeply'));
    return;
  }
  if (typeof s !== 'object' || s === null) return;
  for (const name of FORBIDDEN) {
    if ((s as Record<string, unknown>)[name] !== undefined)
      errors.push(field.forbidden(path.child(name), `${name} is not supported`));
  }
  checkType(s, place, errors);
  checkLists(s, path, errors);
  checkPatterns(s, path, errors);
  checkLogical(s, place, errors);
  checkRules(s, place, errors);
  const below = { root: false, depth: place.depth + 1, metadata: false };
  for (const [name, child] of Object.entries(s.properties ?? {})) {
    const p = path.child('properties').key(name);
    if ((place.root || s['x-kubernetes-embedded-resource']) && name === 'metadata' && child.properties) {
      const bad = Object.keys(child.properties).filter((k) => k !== 'name' && k !== 'generateName');
      if (bad.length > 0 && place.root) {
        errors.push(
          field.forbidden(
            p,
            'must not specify anything other than name and generateName, but metadata is implicitly specified',
          ),
        );
      }
    }
    check(child, { ...below, path: p, logical: place.logical }, errors);
  }
  if (typeof s.additionalProperties === 'object') {
    check(
      s.additionalProperties,
      { ...below, path: path.child('additionalProperties'), logical: place.logical },
      errors,
    );
  }
  if (s.items) {
    if (Array.isArray(s.items))
      errors.push(field.forbidden(path.child('items'), 'items must be a schema object and not an array'));
    else check(s.items, { ...below, path: path.child('items'), logical: place.logical }, errors);
  } else if (s.type === 'array' && !place.logical) {
    errors.push(field.required(path.child('items'), 'must be specified'));
  }
  for (const name of ['allOf', 'anyOf', 'oneOf'] as const) {
    // The two branches of int-or-string name their types.
    if (intOrString(s) && name !== 'oneOf') continue;
    (s[name] ?? []).forEach((sub, i) => {
      check(sub, { ...below, path: path.child(name).index(i), logical: true }, errors);
    });
  }
  if (s.not) check(s.not, { ...below, path: path.child('not'), logical: true }, errors);
}

/** Checks that a CRD's schema is structural (KEP-1111): types everywhere, logic only as value validations. */
export function validateStructuralSchema(schema: Schema, path: FieldPath, errors: Errors): void {
  check(schema, { path, logical: false, root: true, depth: 0, metadata: false }, errors);
  if (schema.nullable) errors.push(field.forbidden(path.child('nullable'), 'nullable cannot be true at the root'));
}
