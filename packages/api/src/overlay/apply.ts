import type { Schema } from '@kubelab/apimachinery';

/**
 * What an overlay says of a field, space separated: `map=KEYS` (associative list with its keys), `set`, `atomic`,
 * `patch=STRATEGY[:MERGE KEY]` (strategic merge patch), `quantity`, `default=VALUE`, `enum=A|B`, `any` (no type; of its items, in a list or map).
 * The field named '' is the type itself.
 */
export type FieldNotes = Record<string, string>;
/** Types package with version -> type -> field -> notes. */
export type Overlay = Record<string, Record<string, FieldNotes>>;

const QUANTITY_REF = '#/components/schemas/io.k8s.apimachinery.pkg.api.resource.Quantity';

function withQuantity(schema: Schema): Schema {
  if (schema.type === 'array') return { ...schema, items: { $ref: QUANTITY_REF } };
  if (schema.type === 'object') return { ...schema, additionalProperties: { $ref: QUANTITY_REF } };
  const { type: _type, ...rest } = schema;
  return { ...rest, $ref: QUANTITY_REF };
}

function withNote(schema: Schema, note: string): Schema {
  const [name, value = ''] = note.split('=', 2);
  switch (name) {
    case 'map':
      return { ...schema, 'x-kubernetes-list-type': 'map', 'x-kubernetes-list-map-keys': value.split(',') };
    case 'set':
      return { ...schema, 'x-kubernetes-list-type': 'set' };
    case 'atomic':
      return schema.type === 'array'
        ? { ...schema, 'x-kubernetes-list-type': 'atomic' }
        : { ...schema, 'x-kubernetes-map-type': 'atomic' };
    case 'patch': {
      const [strategy, key] = value.split(':', 2);
      return {
        ...schema,
        'x-kubernetes-patch-strategy': strategy,
        ...(key === undefined ? {} : { 'x-kubernetes-patch-merge-key': key }),
      };
    }
    case 'quantity':
      return withQuantity(schema);
    case 'default':
      return { ...schema, default: value };
    case 'enum':
      return { ...schema, enum: value.split('|') };
    case 'any': {
      if (schema.type === 'array') return { ...schema, items: {} };
      if (typeof schema.additionalProperties === 'object') return { ...schema, additionalProperties: {} };
      const { type: _type, ...rest } = schema;
      return rest;
    }
    default:
      throw new Error(`overlay: unknown note ${note}`);
  }
}

/** Writes the overlay's notes into the definitions. Throws for a type or field that does not exist. */
export function applyOverlay(definitions: Map<string, Schema>, overlay: Overlay): void {
  for (const [pkg, types] of Object.entries(overlay)) {
    for (const [type, fields] of Object.entries(types)) {
      const name = `${pkg}.${type}`;
      const schema = definitions.get(name);
      if (!schema) throw new Error(`overlay: no definition ${name}`);
      for (const [field, notes] of Object.entries(fields)) {
        const target = field === '' ? schema : schema.properties?.[field];
        if (!target) throw new Error(`overlay: no field ${name}.${field}`);
        const noted = notes.split(' ').reduce(withNote, target);
        if (field === '') Object.assign(target, noted);
        else if (schema.properties) schema.properties[field] = noted;
      }
    }
  }
}
