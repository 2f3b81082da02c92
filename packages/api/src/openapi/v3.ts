import type { Schema } from '@kubelab/apimachinery';
import { REF_PREFIX } from '../definitions.js';
import type { ResourceTable } from '../table.js';
import { type Operation, type PathOperations, patchTypes, pathsOf } from './operations.js';
import { ACTION_PARAMETERS, PARAMETERS, PATH_PARAMETERS, type Parameter } from './parameters.js';
import { collectSchemas, customSchemas } from './schemas.js';

/** An OpenAPI 3.0 document as plain JSON. */
export type OpenApiDocument = Record<string, unknown>;

const JSON_TYPES = ['application/json', 'application/yaml'];

/** Schemas as OpenAPI 3.0 says them. */
function toV3(schema: Schema): Schema {
  if (schema.$ref !== undefined) return wrapRef(schema, schema.$ref);
  const out: Schema = { ...schema };
  if (schema.type === 'string' && schema.format === 'int-or-string') {
    delete out.type;
    delete out['x-kubernetes-int-or-string'];
    out.oneOf = [{ type: 'integer' }, { type: 'string' }];
  }
  if (schema.properties) {
    out.properties = Object.fromEntries(Object.entries(schema.properties).map(([k, v]) => [k, toV3(v)]));
  }
  if (schema.items) out.items = toV3(schema.items);
  if (typeof schema.additionalProperties === 'object') out.additionalProperties = toV3(schema.additionalProperties);
  return out;
}

/**
 * In 3.0 nothing may stand beside a `$ref`: such references are wrapped in allOf. A description that only repeats that of
 * the type stays: in lists of fields `kubectl explain` shows no other.
 */
function wrapRef({ $ref: _ref, ...rest }: Schema, $ref: string): Schema {
  return Object.keys(rest).length === 0 ? { $ref } : { ...rest, allOf: [{ $ref }] };
}

const parameter = (p: Parameter): object => ({
  name: p.name,
  in: p.in,
  description: p.description,
  ...(p.required ? { required: true } : {}),
  schema: { type: p.type, uniqueItems: true },
});

const content = (name: string, types: string[]): object =>
  Object.fromEntries(types.map((t) => [t, { schema: { $ref: `${REF_PREFIX}${name}` } }]));

function operationV3(o: Operation): object {
  const names = ACTION_PARAMETERS[o.action] ?? [];
  const parameters = names.map((n) => PARAMETERS[n]).filter((p) => p !== undefined);
  const answer = (code: number): object => ({
    description: { 200: 'OK', 201: 'Created', 202: 'Accepted' }[code] ?? 'OK',
    ...(o.response
      ? {
          content: content(
            o.response,
            o.action === 'list' ? [...JSON_TYPES, 'application/json;stream=watch'] : JSON_TYPES,
          ),
        }
      : { content: { '*/*': { schema: { type: 'string' } } } }),
  });
  return {
    tags: [o.tag],
    description: o.description,
    operationId: o.operationId,
    ...(parameters.length > 0 ? { parameters: parameters.map(parameter) } : {}),
    ...(o.body
      ? {
          requestBody: {
            content: content(o.body, o.action === 'patch' ? patchTypes(o) : ['*/*']),
            ...(o.action === 'delete' || o.action === 'deletecollection' ? {} : { required: true }),
          },
        }
      : {}),
    responses: {
      ...Object.fromEntries(o.codes.map((code) => [String(code), answer(code)])),
      '401': { description: 'Unauthorized' },
    },
    'x-kubernetes-action': o.action,
    'x-kubernetes-group-version-kind': o.gvk,
  };
}

function pathItem(p: PathOperations): object {
  const parameters = [...p.parameters.map((n) => PATH_PARAMETERS[n]), PARAMETERS.pretty].filter((x) => x !== undefined);
  return {
    ...Object.fromEntries(p.operations.map((o) => [o.method, operationV3(o)])),
    parameters: parameters.map(parameter),
  };
}

/** Builds the OpenAPI v3 document of a group version: what `/openapi/v3/apis/GROUP/VERSION` answers. */
export function buildOpenApiV3(group: string, version: string, table: ResourceTable): OpenApiDocument {
  const paths = pathsOf(table, group, version);
  const schemas = collectSchemas(paths.values(), customSchemas(table));
  const root = group === '' ? `/api/${version}/` : `/apis/${group}/${version}/`;
  const discovery = {
    get: {
      tags: [[...paths.values()][0]?.operations[0]?.tag ?? 'core'],
      description: 'get available resources',
      operationId: 'getAPIResources',
      responses: {
        '200': { description: 'OK', content: { 'application/json': { schema: { type: 'object' } } } },
        '401': { description: 'Unauthorized' },
      },
    },
  };
  return {
    openapi: '3.0.0',
    info: { title: 'Kubernetes', version: 'v1.33.0' },
    paths: { [root]: discovery, ...Object.fromEntries([...paths].map(([path, p]) => [path, pathItem(p)])) },
    components: {
      schemas: Object.fromEntries(schemas.map(([name, s]) => [name, toV3(s)])),
      securitySchemes: {
        BearerToken: {
          type: 'apiKey',
          description: 'Bearer Token authentication',
          name: 'authorization',
          in: 'header',
        },
      },
    },
  };
}

/** Paths of the v3 documents (`api/v1`, `apis/apps/v1`) of everything that the table serves. */
export function openApiV3Paths(table: ResourceTable): { path: string; group: string; version: string }[] {
  const seen = new Map<string, { path: string; group: string; version: string }>();
  for (const entry of table.all()) {
    for (const { version } of entry.versions) {
      const path = entry.group === '' ? `api/${version}` : `apis/${entry.group}/${version}`;
      seen.set(path, { path, group: entry.group, version });
    }
  }
  return [...seen.values()].sort((a, b) => (a.path < b.path ? -1 : 1));
}
