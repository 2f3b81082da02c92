/**
 * An OpenAPI v3 schema object with Kubernetes' vendor extensions: what built-in kinds are generated to and what a
 * CRD's `openAPIV3Schema` is.
 */
export interface Schema {
  $ref?: string;
  /** Kubernetes' documents wrap references that carry a description or default: `allOf: [{$ref}]`. */
  allOf?: Schema[];
  anyOf?: Schema[];
  oneOf?: Schema[];
  not?: Schema;
  type?: string;
  format?: string;
  title?: string;
  description?: string;
  default?: unknown;
  example?: unknown;
  externalDocs?: { url?: string; description?: string };
  nullable?: boolean;
  enum?: unknown[];
  properties?: Record<string, Schema>;
  additionalProperties?: boolean | Schema;
  patternProperties?: Record<string, Schema>;
  items?: Schema;
  required?: string[];
  minimum?: number;
  maximum?: number;
  exclusiveMinimum?: boolean;
  exclusiveMaximum?: boolean;
  multipleOf?: number;
  minLength?: number;
  maxLength?: number;
  pattern?: string;
  minItems?: number;
  maxItems?: number;
  uniqueItems?: boolean;
  minProperties?: number;
  maxProperties?: number;
  'x-kubernetes-list-type'?: string;
  'x-kubernetes-list-map-keys'?: string[];
  'x-kubernetes-map-type'?: string;
  /** Comma-separated, as in Go's struct tag: `merge`, `replace`, `retainKeys`, `merge,retainKeys`. */
  'x-kubernetes-patch-strategy'?: string;
  'x-kubernetes-patch-merge-key'?: string;
  'x-kubernetes-int-or-string'?: boolean;
  'x-kubernetes-preserve-unknown-fields'?: boolean;
  'x-kubernetes-embedded-resource'?: boolean;
  'x-kubernetes-validations'?: SchemaValidationRule[];
  'x-kubernetes-group-version-kind'?: { group: string; version: string; kind: string }[];
  'x-kubernetes-unions'?: unknown[];
}

/** A CEL rule of `x-kubernetes-validations`. */
export interface SchemaValidationRule {
  rule: string;
  message?: string;
  messageExpression?: string;
  reason?: string;
  fieldPath?: string;
  optionalOldSelf?: boolean;
}

/** Finds the schema that a `$ref` names (`#/components/schemas/...`, `#/definitions/...`). */
export type SchemaResolver = (ref: string) => Schema | undefined;

/** A resolver for schemas without references (CRDs). */
export const noReferences: SchemaResolver = () => undefined;

/** What schemas stand for, by who resolves their references: schemas are not changed once they are used. */
const dereferenced = new WeakMap<SchemaResolver, WeakMap<Schema, Schema>>();

/**
 * The schema itself behind `$ref` and a single-element `allOf`. Extensions written beside the reference
 * (patch strategy, default) win over those of the target.
 */
export function derefSchema(schema: Schema | undefined, resolve: SchemaResolver): Schema | undefined {
  if (!schema || (schema.$ref === undefined && schema.allOf === undefined)) {
    return schema;
  }
  let known = dereferenced.get(resolve);
  if (!known) {
    known = new WeakMap();
    dereferenced.set(resolve, known);
  }
  let result = known.get(schema);
  if (!result) {
    result = followReferences(schema, resolve);
    // What a reference leads to may come later (a definition that is added): only what was found is kept.
    if (result !== schema) {
      known.set(schema, result);
    }
  }
  return result;
}

function followReferences(schema: Schema, resolve: SchemaResolver): Schema {
  let s = schema;
  let outer: Schema | undefined;
  for (let depth = 0; depth < 16; depth++) {
    const single = s.allOf?.length === 1 && s.type === undefined && !s.properties ? s.allOf[0] : undefined;
    const target: Schema | undefined =
      s.$ref !== undefined ? resolve(s.$ref) : single?.$ref !== undefined ? resolve(single.$ref) : undefined;
    if (!target) break;
    outer = outer ? mergeOuter(s, outer) : s;
    s = target;
  }
  return outer ? mergeOuter(s, outer) : s;
}

function mergeOuter(target: Schema, outer: Schema): Schema {
  const { $ref: _ref, allOf: _allOf, ...rest } = outer;
  const adds = Object.keys(rest).some((key) => key !== 'description');
  return adds ? { ...target, ...rest } : target;
}
