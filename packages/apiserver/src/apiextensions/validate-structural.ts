import { type FieldError, type FieldPath, field, type Schema } from '@kubelab/apimachinery';

const types = ['string', 'number', 'integer', 'boolean', 'object', 'array'];
/** What a schema inside allOf, anyOf, oneOf and not may not say. */
const structuralOnly = ['type', 'description', 'default', 'nullable', 'title', 'additionalProperties'] as const;

/** Checks that a schema is structural (KEP-1111 of sig-api-machinery): types everywhere, nothing ambiguous. */
export function validateStructural(schema: Schema, path: FieldPath): FieldError[] {
  const out: FieldError[] = [];
  if (schema.type !== undefined && schema.type !== 'object') {
    out.push(field.invalid(path.child('type'), schema.type, 'must be object at the root'));
  }
  if (schema['x-kubernetes-embedded-resource'])
    out.push(field.forbidden(path.child('x-kubernetes-embedded-resource'), 'must not be used at the root'));
  visit(schema, path, out, true, 0);
  const metadata = schema.properties?.metadata;
  if (metadata) {
    const at = path.child('properties').key('metadata');
    for (const name of Object.keys(metadata.properties ?? {})) {
      if (name !== 'name' && name !== 'generateName') {
        out.push(
          field.forbidden(
            at,
            'must not specify anything other than name and generateName, but metadata is implicitly specified',
          ),
        );
        break;
      }
    }
  }
  return out;
}

function visit(s: Schema, path: FieldPath, out: FieldError[], isRoot: boolean, depth: number): void {
  if (depth > 100) {
    out.push(field.invalid(path, '', 'is nested too deeply'));
    return;
  }
  const intOrString = s['x-kubernetes-int-or-string'] === true;
  const preserves = s['x-kubernetes-preserve-unknown-fields'] === true;
  if (s.$ref !== undefined) out.push(field.forbidden(path.child('$ref'), '$ref is not supported'));
  if (!s.type) {
    if (!intOrString && !preserves)
      out.push(
        field.required(path.child('type'), `must not be empty for specified ${isRoot ? 'root' : 'object fields'}`),
      );
  } else if (!types.includes(s.type)) out.push(field.notSupported(path.child('type'), s.type, [...types].sort()));
  else if (intOrString)
    out.push(field.invalid(path.child('type'), s.type, 'must be empty if x-kubernetes-int-or-string is true'));
  if (s.uniqueItems)
    out.push(
      field.forbidden(
        path.child('uniqueItems'),
        'uniqueItems cannot be set to true since the runtime complexity becomes quadratic',
      ),
    );
  if (s.additionalProperties === false)
    out.push(field.forbidden(path.child('additionalProperties'), 'additionalProperties cannot be set to false'));
  if (s.properties && s.additionalProperties !== undefined && s.additionalProperties !== false) {
    out.push(
      field.forbidden(path.child('additionalProperties'), 'additionalProperties and properties are mutual exclusive'),
    );
  }
  if (s.type === 'array' && !s.items) out.push(field.required(path.child('items'), 'must be specified'));
  listType(s, path, out);
  if (s.pattern !== undefined && !compiles(s.pattern)) {
    out.push(field.invalid(path.child('pattern'), s.pattern, "must be a valid regular expression, but isn't"));
  }
  for (const [k, child] of Object.entries(s.properties ?? {})) {
    // Metadata may be left open; its own fields are known.
    if (isRoot && k === 'metadata') continue;
    visit(child, path.child('properties').key(k), out, false, depth + 1);
  }
  if (s.items) visit(s.items, path.child('items'), out, false, depth + 1);
  if (typeof s.additionalProperties === 'object')
    visit(s.additionalProperties, path.child('additionalProperties'), out, false, depth + 1);
  for (const name of ['allOf', 'anyOf', 'oneOf'] as const) {
    s[name]?.forEach((sub, i) => {
      junctor(sub, s, path.child(name).index(i), out);
    });
  }
  if (s.not) junctor(s.not, s, path.child('not'), out);
}

function junctor(sub: Schema, parent: Schema, path: FieldPath, out: FieldError[]): void {
  for (const name of structuralOnly) {
    // The one exception: the two forms of int-or-string.
    if (name === 'type' && parent['x-kubernetes-int-or-string']) continue;
    if (sub[name] !== undefined) out.push(field.forbidden(path.child(name), 'must be empty to be structural'));
  }
  for (const [k, child] of Object.entries(sub.properties ?? {})) {
    const outer = parent.properties?.[k];
    const at = path.child('properties').key(k);
    if (!outer && typeof parent.additionalProperties !== 'object') {
      out.push(field.required(at, 'must be specified outside of the junctor as well, to be structural'));
    } else junctor(child, outer ?? {}, at, out);
  }
}

function listType(s: Schema, path: FieldPath, out: FieldError[]): void {
  const type = s['x-kubernetes-list-type'];
  const keys = s['x-kubernetes-list-map-keys'] ?? [];
  if (type !== undefined && s.type !== 'array')
    out.push(field.invalid(path.child('type'), s.type ?? '', 'must be array if x-kubernetes-list-type is specified'));
  if (type !== undefined && !['atomic', 'set', 'map'].includes(type)) {
    out.push(field.notSupported(path.child('x-kubernetes-list-type'), type, ['atomic', 'map', 'set']));
  }
  if (type === 'map' && keys.length === 0) {
    out.push(
      field.required(path.child('x-kubernetes-list-map-keys'), 'must not be empty if x-kubernetes-list-type is map'),
    );
  }
  if (type !== 'map' && keys.length > 0) {
    out.push(
      field.invalid(
        path.child('x-kubernetes-list-type'),
        type ?? '',
        'must be map if x-kubernetes-list-map-keys is non-empty',
      ),
    );
  }
  for (const key of keys) {
    const property = s.items?.properties?.[key];
    if (!property)
      out.push(
        field.invalid(path.child('x-kubernetes-list-map-keys'), keys, `entries must all be names of item properties`),
      );
    else if (property.default === undefined && !(s.items?.required ?? []).includes(key)) {
      out.push(
        field.required(
          path.child('items', 'properties').key(key).child('default'),
          'this property is in x-kubernetes-list-map-keys, so it must have a default or be a required property',
        ),
      );
    }
  }
  const mapType = s['x-kubernetes-map-type'];
  if (mapType !== undefined && !['atomic', 'granular'].includes(mapType)) {
    out.push(field.notSupported(path.child('x-kubernetes-map-type'), mapType, ['atomic', 'granular']));
  }
}

function compiles(pattern: string): boolean {
  try {
    return new RegExp(pattern) !== undefined;
  } catch {
    return false;
  }
}
