import type { Schema } from '@kubelab/apimachinery';
import { REF_PREFIX } from '../definitions.js';
import type { ResourceTable } from '../table.js';
import { type Operation, type PathOperations, patchTypes, pathsOf } from './operations.js';
import { ACTION_PARAMETERS, PARAMETERS, PATH_PARAMETERS, type Parameter } from './parameters.js';
import { collectSchemas, customSchemas } from './schemas.js';
import { openApiV3Paths } from './v3.js';

/** A schema as Swagger 2.0 knows it. */
export type SchemaV2 = Omit<Schema, 'oneOf' | 'anyOf' | 'not' | 'nullable'>;
export interface ParameterV2 {
  name: string;
  in: 'path' | 'query' | 'body';
  description?: string;
  type?: string;
  required?: boolean;
  uniqueItems?: boolean;
  schema?: SchemaV2;
}
export interface OperationV2 {
  consumes: string[];
  produces: string[];
  description: string;
  operationId: string;
  parameters?: ParameterV2[];
  responses: Record<string, { description: string; schema?: SchemaV2 }>;
  schemes: string[];
  tags: string[];
  'x-kubernetes-action': string;
  'x-kubernetes-group-version-kind': object;
}
export type PathItemV2 = Partial<Record<Operation['method'], OperationV2>> & { parameters?: ParameterV2[] };
/** A Swagger 2.0 document. */
export interface OpenApiV2 {
  swagger: '2.0';
  info: { title: string; version: string };
  paths: Record<string, PathItemV2>;
  definitions: Record<string, SchemaV2>;
  securityDefinitions: Record<string, { type: string; description: string; name: string; in: string }>;
  security: Record<string, string[]>[];
}

const V2_PREFIX = '#/definitions/';

/**
 * A schema without what Swagger 2.0 lacks (oneOf, anyOf, not, nullable). Where a CRD leaves more to its values than v2
 * can say, the type is left out, so that clients check nothing that the server would accept.
 */
function toV2(schema: Schema): SchemaV2 {
  const { oneOf, anyOf, not: _not, nullable, $ref, allOf, ...rest } = schema;
  const out: Schema = { ...rest };
  if ($ref !== undefined) out.$ref = $ref.replace(REF_PREFIX, V2_PREFIX);
  const only = allOf?.length === 1 ? allOf[0]?.$ref : undefined;
  if (only !== undefined) out.$ref = only.replace(REF_PREFIX, V2_PREFIX);
  // Quantity: a string to v2, as Kubernetes publishes it.
  if (oneOf && !schema.type && !schema.properties) out.type = 'string';
  if (schema['x-kubernetes-int-or-string'] && !schema.format) {
    delete out.type;
  }
  if (anyOf && !schema.type) delete out.type;
  // kubectl checks values against what is listed here, so nothing may be where more is allowed than can be said.
  const open = schema['x-kubernetes-preserve-unknown-fields'];
  if (nullable || open) {
    if (nullable || (open && schema.type !== 'string')) delete out.type;
    delete out.items;
    delete out.properties;
    return out;
  }
  if (schema.properties) {
    // What may be null may not be said to be there.
    if (schema.required) out.required = schema.required.filter((name) => !schema.properties?.[name]?.nullable);
    out.properties = Object.fromEntries(Object.entries(schema.properties).map(([k, v]) => [k, toV2(v) as Schema]));
  }
  if (schema.items) out.items = toV2(schema.items) as Schema;
  if (typeof schema.additionalProperties === 'object')
    out.additionalProperties = toV2(schema.additionalProperties) as Schema;
  return out;
}

/** An object that keeps unknown fields at its root has no schema in v2: with one, clients would refuse the others. */
function definitionV2(schema: Schema): SchemaV2 {
  const gvk = schema['x-kubernetes-group-version-kind'];
  if (gvk && schema['x-kubernetes-preserve-unknown-fields']) {
    return { type: 'object', 'x-kubernetes-group-version-kind': gvk };
  }
  return toV2(schema);
}

const parameter = (p: Parameter): ParameterV2 => ({
  name: p.name,
  in: p.in,
  description: p.description,
  type: p.type,
  uniqueItems: true,
  ...(p.required ? { required: true } : {}),
});

function operationV2(o: Operation): OperationV2 {
  const parameters: ParameterV2[] = (ACTION_PARAMETERS[o.action] ?? [])
    .map((n) => PARAMETERS[n])
    .filter((p) => p !== undefined)
    .map(parameter);
  if (o.body) {
    parameters.unshift({
      name: 'body',
      in: 'body',
      ...(o.body.endsWith('DeleteOptions') ? {} : { required: true }),
      schema: { $ref: `${V2_PREFIX}${o.body}` },
    });
  }
  const responses: OperationV2['responses'] = {};
  for (const code of o.codes) {
    responses[String(code)] = {
      description: { 200: 'OK', 201: 'Created', 202: 'Accepted' }[code] ?? 'OK',
      schema: o.response ? { $ref: `${V2_PREFIX}${o.response}` } : { type: 'string' },
    };
  }
  responses['401'] = { description: 'Unauthorized' };
  return {
    consumes: o.action === 'patch' ? patchTypes(o) : ['*/*'],
    produces: o.response ? ['application/json', 'application/yaml'] : ['*/*'],
    description: o.description,
    operationId: o.operationId,
    ...(parameters.length > 0 ? { parameters } : {}),
    responses,
    schemes: ['https'],
    tags: [o.tag],
    'x-kubernetes-action': o.action,
    'x-kubernetes-group-version-kind': o.gvk,
  };
}

function pathItem(p: PathOperations): PathItemV2 {
  const parameters = [...p.parameters.map((n) => PATH_PARAMETERS[n]), PARAMETERS.pretty]
    .filter((x) => x !== undefined)
    .map(parameter);
  return { ...Object.fromEntries(p.operations.map((o) => [o.method, operationV2(o)])), parameters };
}

/** Builds the Swagger 2.0 document of the whole table: what `/openapi/v2` answers. */
export function buildOpenApiV2(table: ResourceTable): OpenApiV2 {
  const paths = new Map<string, PathOperations>();
  for (const { group, version } of openApiV3Paths(table)) {
    for (const [path, p] of pathsOf(table, group, version)) paths.set(path, p);
  }
  const schemas = collectSchemas(paths.values(), customSchemas(table));
  return {
    swagger: '2.0',
    info: { title: 'Kubernetes', version: 'v1.33.0' },
    paths: Object.fromEntries([...paths].map(([path, p]) => [path, pathItem(p)])),
    definitions: Object.fromEntries(schemas.map(([name, s]) => [name, definitionV2(s)])),
    securityDefinitions: {
      BearerToken: { type: 'apiKey', description: 'Bearer Token authentication', name: 'authorization', in: 'header' },
    },
    security: [{ BearerToken: [] }],
  };
}
