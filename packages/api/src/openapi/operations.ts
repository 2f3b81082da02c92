import type { ResourceEntry, ResourceVersion, SubresourceEntry } from '../resource.js';
import type { ResourceTable } from '../table.js';
import { publishedName } from './schemas.js';

/** `x-kubernetes-group-version-kind` of an operation. */
export interface Gvk {
  group: string;
  version: string;
  kind: string;
}

/** An operation on a path, before it is written in one of the OpenAPI versions. */
export interface Operation {
  method: 'get' | 'put' | 'post' | 'delete' | 'patch';
  /** `x-kubernetes-action`: also decides the query parameters. */
  action: string;
  operationId: string;
  description: string;
  tag: string;
  gvk: Gvk;
  /** Name of the schema of the body, of answers. */
  body?: string;
  response?: string;
  codes: number[];
  /** Of a custom resource: there is no strategic merge, which kubectl decides by. */
  custom?: boolean;
}

/** Operations by path, with the path parameters they share. */
export interface PathOperations {
  parameters: string[];
  operations: Operation[];
}

const META = 'io.k8s.apimachinery.pkg.apis.meta.v1';
const STATUS = `${META}.Status`;
const PATCH = `${META}.Patch`;
const DELETE_OPTIONS = `${META}.DeleteOptions`;

const PATCH_TYPES = ['application/apply-patch+yaml', 'application/json-patch+json', 'application/merge-patch+json'];

/** The patches that an operation takes. */
export const patchTypes = (o: Operation): string[] =>
  o.custom ? PATCH_TYPES : [...PATCH_TYPES, 'application/strategic-merge-patch+json'];

/** The schema of a kind's list. */
export const listName = (schemaName: string): string => `${schemaName}List`;

const capital = (text: string): string => text.charAt(0).toUpperCase() + text.slice(1);
const groupName = (group: string): string =>
  group === ''
    ? 'Core'
    : group
        .replace(/\.k8s\.io$|\.authorization\.k8s\.io$/, '')
        .split('.')
        .map(capital)
        .join('') || group;

interface Context {
  entry: ResourceEntry;
  served: ResourceVersion;
  tag: string;
  suffix: string;
  gvk: Gvk;
}

function bodyOf(action: string, own: string): string | undefined {
  if (action === 'post' || action === 'put') return own;
  if (action === 'patch') return PATCH;
  return action === 'delete' || action === 'deletecollection' ? DELETE_OPTIONS : undefined;
}

function operation(
  c: Context,
  method: Operation['method'],
  action: string,
  name: string,
  schema: string | undefined,
  gvk: Gvk = c.gvk,
): Operation {
  const texts: Record<string, string> = {
    list: 'list or watch objects of kind',
    get: 'read the specified',
    post: 'create a',
    put: 'replace the specified',
    patch: 'partially update the specified',
    delete: 'delete a',
    deletecollection: 'delete collection of',
    connect: `connect ${method.toUpperCase()} requests to`,
  };
  const codes: Record<string, number[]> = {
    post: [200, 201, 202],
    put: [200, 201],
    patch: [200, 201],
    delete: [200, 202],
  };
  const body = schema === undefined ? undefined : bodyOf(action, schema);
  const removal = action === 'delete' || action === 'deletecollection';
  return {
    method,
    action,
    operationId: name,
    description: `${texts[action] ?? action} ${gvk.kind}`,
    tag: c.tag,
    gvk,
    ...(body ? { body } : {}),
    ...(removal ? { response: STATUS } : schema ? { response: action === 'list' ? listName(schema) : schema } : {}),
    codes: codes[action] ?? [200],
    ...(c.served.schema ? { custom: true } : {}),
  };
}

const METHODS: Record<string, Operation['method']> = {
  get: 'get',
  create: 'post',
  update: 'put',
  patch: 'patch',
  delete: 'delete',
};
const NAMES: Record<string, string> = {
  get: 'read',
  create: 'create',
  update: 'replace',
  patch: 'patch',
  delete: 'delete',
};

function mainPaths(c: Context, base: string, out: Map<string, PathOperations>): void {
  const { entry, served, suffix } = c;
  const has = (verb: string): boolean => entry.verbs.includes(verb);
  const space = entry.namespaced ? ['namespace'] : [];
  const scope = entry.namespaced ? 'Namespaced' : '';
  const root = entry.namespaced ? `${base}/namespaces/{namespace}/${entry.resource}` : `${base}/${entry.resource}`;
  const own = publishedName(entry, served);
  const id = (verb: string): string => `${verb}${suffix}${scope}${entry.kind}`;
  const collection: Operation[] = [];
  if (has('list')) collection.push(operation(c, 'get', 'list', id('list'), own));
  if (has('create')) collection.push(operation(c, 'post', 'post', id('create'), own));
  if (has('deletecollection')) {
    collection.push(operation(c, 'delete', 'deletecollection', `delete${suffix}Collection${scope}${entry.kind}`, own));
  }
  if (collection.length > 0) out.set(root, { parameters: space, operations: collection });
  const single = (['get', 'update', 'delete', 'patch'] as const)
    .filter(has)
    .map((verb) =>
      operation(c, METHODS[verb] ?? 'get', verb === 'update' ? 'put' : verb, id(NAMES[verb] ?? verb), own),
    );
  if (single.length > 0) out.set(`${root}/{name}`, { parameters: ['name', ...space], operations: single });
  if (entry.namespaced && has('list')) {
    const all = operation(c, 'get', 'list', `list${suffix}${entry.kind}ForAllNamespaces`, own);
    out.set(`${base}/${entry.resource}`, { parameters: [], operations: [all] });
  }
}

function subresourceSchema(c: Context, sub: SubresourceEntry): string | undefined {
  if (sub.kind === c.entry.kind) return publishedName(c.entry, c.served);
  const known: Record<string, string> = {
    Scale: 'io.k8s.api.autoscaling.v1.Scale',
    Eviction: 'io.k8s.api.policy.v1.Eviction',
    TokenRequest: 'io.k8s.api.authentication.v1.TokenRequest',
    Binding: 'io.k8s.api.core.v1.Binding',
  };
  return known[sub.kind];
}

function subresourcePaths(c: Context, base: string, out: Map<string, PathOperations>): void {
  const { entry, served, suffix, gvk } = c;
  const scope = entry.namespaced ? 'Namespaced' : '';
  const space = entry.namespaced ? ['namespace'] : [];
  const root = entry.namespaced ? `${base}/namespaces/{namespace}/${entry.resource}` : `${base}/${entry.resource}`;
  for (const [name, sub] of Object.entries(served.subresources ?? entry.subresources)) {
    const schema = subresourceSchema(c, sub);
    const kind = { group: sub.group ?? gvk.group, version: sub.version ?? gvk.version, kind: sub.kind };
    const title = `${entry.kind}${capital(name)}`;
    if (schema === undefined) {
      const verbs = sub.verbs.filter((v) => METHODS[v]);
      const operations = verbs.map((v) =>
        operation(
          c,
          METHODS[v] ?? 'get',
          'connect',
          `connect${suffix}${capital(METHODS[v] ?? v)}${scope}${title}`,
          undefined,
          kind,
        ),
      );
      out.set(`${root}/{name}/${name}`, { parameters: ['name', ...space], operations });
      continue;
    }
    const operations = sub.verbs
      .filter((v) => METHODS[v])
      .map((v) => {
        const action = v === 'update' ? 'put' : v === 'create' ? 'post' : v;
        return operation(c, METHODS[v] ?? 'get', action, `${NAMES[v]}${suffix}${scope}${title}`, schema, kind);
      });
    out.set(`${root}/{name}/${name}`, { parameters: ['name', ...space], operations });
  }
}

/** Every path of a group version with its operations. */
export function pathsOf(table: ResourceTable, group: string, version: string): Map<string, PathOperations> {
  const out = new Map<string, PathOperations>();
  const base = group === '' ? `/api/${version}` : `/apis/${group}/${version}`;
  for (const entry of table.group(group)) {
    const served = entry.versions.find((v) => v.version === version);
    if (!served) continue;
    const suffix = `${groupName(group)}${capital(version)}`;
    const tag = `${group === '' ? 'core' : groupName(group).charAt(0).toLowerCase() + groupName(group).slice(1)}_${version}`;
    const c = { entry, served, tag, suffix, gvk: { group, version, kind: entry.kind } };
    mainPaths(c, base, out);
    subresourcePaths(c, base, out);
  }
  return new Map([...out].sort(([a], [b]) => (a < b ? -1 : 1)));
}
