// Writes the generated code of the workspace (never committed):
//   packages/api/src/generated/types.ts       one interface a model of @kubernetes/client-node: plain JSON
//   packages/api/generated/definitions.json   the same models as OpenAPI schemas under Kubernetes' own names
// and calls packages/cri/scripts/generate.mjs where it exists. The models of client-node are themselves generated and
// very regular, so they are read as text (TypeScript 7 has no compiler API).
import { createHash } from 'node:crypto';
import { existsSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';

const root = dirname(dirname(fileURLToPath(import.meta.url)));
const require = createRequire(import.meta.url);
const clientNode = dirname(require.resolve('@kubernetes/client-node/package.json'));
const modelsDir = join(clientNode, 'dist/gen/models');
const apisDir = join(clientNode, 'dist/gen/apis');
const typesFile = join(root, 'packages/api/src/generated/types.ts');
const definitionsFile = join(root, 'packages/api/generated/definitions.json');
const stampFile = join(root, 'packages/api/generated/.stamp');

/** API class prefix of client-node -> [Go package of the types, API group]. */
const GROUPS = {
  Core: ['io.k8s.api.core', ''],
  Admissionregistration: ['io.k8s.api.admissionregistration', 'admissionregistration.k8s.io'],
  Apiextensions: ['io.k8s.apiextensions-apiserver.pkg.apis.apiextensions', 'apiextensions.k8s.io'],
  Apiregistration: ['io.k8s.kube-aggregator.pkg.apis.apiregistration', 'apiregistration.k8s.io'],
  Apps: ['io.k8s.api.apps', 'apps'],
  Authentication: ['io.k8s.api.authentication', 'authentication.k8s.io'],
  Authorization: ['io.k8s.api.authorization', 'authorization.k8s.io'],
  Autoscaling: ['io.k8s.api.autoscaling', 'autoscaling'],
  Batch: ['io.k8s.api.batch', 'batch'],
  Certificates: ['io.k8s.api.certificates', 'certificates.k8s.io'],
  Coordination: ['io.k8s.api.coordination', 'coordination.k8s.io'],
  Discovery: ['io.k8s.api.discovery', 'discovery.k8s.io'],
  Events: ['io.k8s.api.events', 'events.k8s.io'],
  FlowcontrolApiserver: ['io.k8s.api.flowcontrol', 'flowcontrol.apiserver.k8s.io'],
  InternalApiserver: ['io.k8s.api.apiserverinternal', 'internal.apiserver.k8s.io'],
  Networking: ['io.k8s.api.networking', 'networking.k8s.io'],
  Node: ['io.k8s.api.node', 'node.k8s.io'],
  Policy: ['io.k8s.api.policy', 'policy'],
  RbacAuthorization: ['io.k8s.api.rbac', 'rbac.authorization.k8s.io'],
  Resource: ['io.k8s.api.resource', 'resource.k8s.io'],
  Scheduling: ['io.k8s.api.scheduling', 'scheduling.k8s.io'],
  Storage: ['io.k8s.api.storage', 'storage.k8s.io'],
  Storagemigration: ['io.k8s.api.storagemigration', 'storagemigration.k8s.io'],
};
/** Prefixes that client-node puts before models whose bare name is taken. */
const PREFIXES = [...Object.keys(GROUPS), 'Rbac', 'Flowcontrol'];
const META = 'io.k8s.apimachinery.pkg.apis.meta.v1';
const META_MODELS = new Set(
  `V1APIGroup V1APIGroupList V1APIResource V1APIResourceList V1APIVersions V1Condition V1DeleteOptions
  V1FieldSelectorRequirement V1GroupVersionForDiscovery V1LabelSelector V1LabelSelectorRequirement V1ListMeta
  V1ManagedFieldsEntry V1MicroTime V1ObjectMeta V1OwnerReference V1Preconditions V1ServerAddressByClientCIDR V1Status
  V1StatusCause V1StatusDetails V1WatchEvent`.split(/\s+/),
);
/** Kinds that appear in another group's API class as the body of a subresource. */
const ELSEWHERE = {
  V1Scale: 'Autoscaling',
  V1ScaleSpec: 'Autoscaling',
  V1ScaleStatus: 'Autoscaling',
  V1Eviction: 'Policy',
};

function stamp() {
  const version = JSON.parse(readFileSync(join(clientNode, 'package.json'), 'utf8')).version;
  return createHash('sha256')
    .update(version)
    .update(readFileSync(fileURLToPath(import.meta.url)))
    .digest('hex');
}

const cleanComment = (text) =>
  text
    .replace(/^\s*\*\s?/gm, '')
    .replace(/\\(['"])/g, '$1')
    .replace(/\*\\\//g, '*/')
    .trim();

function readModel(name) {
  const js = readFileSync(join(modelsDir, `${name}.js`), 'utf8');
  const dts = readFileSync(join(modelsDir, `${name}.d.ts`), 'utf8');
  const map = js.match(/attributeTypeMap = (\[[\s\S]*?\n\]|\[\]);/);
  if (!map) return undefined;
  const described = {};
  for (const m of dts.matchAll(/(?:\/\*\*\n((?:\s*\*(?!\/)[^\n]*\n)*?)\s*\*\/\n)?\s{4}'([^']+)'(\??): /g)) {
    described[m[2]] = { description: m[1] ? cleanComment(m[1]) : undefined, required: m[3] === '' };
  }
  const head = dts.match(/\/\*\*\n((?:\*[^\n]*\n)*?)\*\/\nexport declare class/);
  return {
    name,
    description: head ? cleanComment(head[1]) : '',
    properties: JSON.parse(map[1]).map((a) => ({ ...a, ...described[a.name] })),
  };
}

function refsOf(model) {
  return model.properties.flatMap((p) => p.type.match(/\b[A-Z][A-Za-z0-9]*\b/g) ?? []);
}

/** Splits V1beta1Foo / CoreV1Event into prefix, version and kind. */
function splitName(name) {
  const m = name.match(/^([A-Z][a-z]+?)?(V\d+(?:(?:alpha|beta)\d+)?)([A-Z].*)$/);
  return m ? { prefix: m[1], version: m[2].toLowerCase(), kind: m[3] } : undefined;
}

/** Finds each model's API group: by its prefix, else by the API class from whose kinds it can be reached, core first. */
function assignGroups(models) {
  const groupOf = new Map();
  for (const name of models.keys()) {
    const s = splitName(name);
    if (s?.prefix && PREFIXES.includes(s.prefix)) {
      groupOf.set(name, { Rbac: 'RbacAuthorization', Flowcontrol: 'FlowcontrolApiserver' }[s.prefix] ?? s.prefix);
    }
    if (ELSEWHERE[name]) groupOf.set(name, ELSEWHERE[name]);
  }
  const classes = readdirSync(apisDir)
    .map((f) => f.match(/^([A-Za-z]+?)(V\d+[a-z0-9]*)Api\.d\.ts$/))
    .filter((m) => m && GROUPS[m[1]])
    .sort((a, b) => (b[1] === 'Core') - (a[1] === 'Core'));
  const groups = { Core: new Set(['v1']) };
  for (const [file, prefix, version] of classes) {
    groups[prefix] = (groups[prefix] ?? new Set()).add(version.toLowerCase());
    const text = readFileSync(join(apisDir, file), 'utf8');
    const queue = [...text.matchAll(/models\/([A-Za-z0-9]+)\.js/g)].map((m) => m[1]);
    while (queue.length > 0) {
      const name = queue.pop();
      const model = models.get(name);
      if (!model || META_MODELS.has(name)) continue;
      const known = groupOf.get(name);
      if (known && known !== prefix) continue;
      if (known && model.seen === file) continue;
      model.seen = file;
      // A kind of another version belongs to a group of its own (V1beta1 types may refer to V1 core types).
      if (splitName(name)?.version !== version.toLowerCase() && !known) continue;
      groupOf.set(name, prefix);
      queue.push(...refsOf(model));
    }
  }
  // Bodies of subresources (TokenRequest) are known by their prefix; what they refer to follows them.
  const queue = [...groupOf.keys()];
  while (queue.length > 0) {
    const name = queue.pop();
    for (const ref of models.has(name) ? refsOf(models.get(name)) : []) {
      const sameVersion = splitName(ref)?.version === splitName(name)?.version;
      if (groupOf.has(ref) || META_MODELS.has(ref) || !models.has(ref) || !sameVersion) continue;
      groupOf.set(ref, groupOf.get(name));
      queue.push(ref);
    }
  }
  return { groupOf, groups };
}

function openApiName(name, groupOf) {
  if (name === 'IntOrString') return 'io.k8s.apimachinery.pkg.util.intstr.IntOrString';
  if (name === 'VersionInfo') return 'io.k8s.apimachinery.pkg.version.Info';
  const s = splitName(name);
  if (META_MODELS.has(name)) return `${META}.${s.kind}`;
  const group = groupOf.get(name);
  return group && s ? `${GROUPS[group][0]}.${s.version}.${s.kind}` : undefined;
}

function toSchema(type, format, nameOf) {
  const array = type.match(/^Array<(.*)>$/);
  if (array) return { type: 'array', items: toSchema(array[1], format, nameOf) };
  const map = type.match(/^\{ \[key: string\]: (.*); \}$/);
  if (map) return { type: 'object', additionalProperties: toSchema(map[1], format, nameOf) };
  switch (type) {
    case 'string':
      return format ? { type: 'string', format } : { type: 'string' };
    case 'number':
      return format === 'double' ? { type: 'number', format } : { type: 'integer', format };
    case 'boolean':
      return { type: 'boolean' };
    case 'any':
    case 'object':
      return { type: 'object' };
    case 'Date':
      return { $ref: `#/components/schemas/${META}.Time` };
    default:
      return { $ref: `#/components/schemas/${nameOf(type)}` };
  }
}

function toTs(type) {
  const array = type.match(/^Array<(.*)>$/);
  if (array) {
    const item = toTs(array[1]);
    return item.includes('|') ? `(${item})[]` : `${item}[]`;
  }
  const map = type.match(/^\{ \[key: string\]: (.*); \}$/);
  if (map) return `{ [key: string]: ${toTs(map[1])} }`;
  return (
    { any: 'unknown', object: 'unknown', Date: 'string', V1MicroTime: 'string', IntOrString: 'number | string' }[
      type
    ] ?? type
  );
}

function main() {
  const current = stamp();
  if (
    existsSync(stampFile) &&
    existsSync(typesFile) &&
    existsSync(definitionsFile) &&
    readFileSync(stampFile, 'utf8') === current
  )
    return;
  const models = new Map();
  for (const file of readdirSync(modelsDir).sort()) {
    const name = file.match(/^(.*)\.d\.ts$/)?.[1];
    if (!name || !(splitName(name) || name === 'VersionInfo')) continue;
    const model = readModel(name);
    if (model) models.set(name, model);
  }
  const { groupOf, groups } = assignGroups(models);
  const definitions = {};
  const lines = [
    '// Generated by scripts/generate.mjs from @kubernetes/client-node. Do not edit.',
    '// biome-ignore-all format: generated',
  ];
  for (const model of models.values()) {
    const fullName = openApiName(model.name, groupOf);
    if (model.name !== 'V1MicroTime') {
      lines.push(`/** ${model.description.replace(/\*\//g, '* /')} */`, `export interface ${model.name} {`);
      for (const p of model.properties) {
        lines.push(`  ${JSON.stringify(p.baseName)}${p.required ? '' : '?'}: ${toTs(p.type)};`);
      }
      lines.push('}');
    }
    // Without a group: left over in client-node from older releases; nothing refers to it.
    if (!fullName || model.name === 'V1MicroTime') continue;
    const schema = { description: model.description, type: 'object', properties: {} };
    for (const p of model.properties) {
      const property = toSchema(p.type, p.format, (n) => openApiName(n, groupOf));
      schema.properties[p.baseName] = p.description ? { description: p.description, ...property } : property;
    }
    const required = model.properties.filter((p) => p.required).map((p) => p.baseName);
    if (required.length > 0) schema.required = required;
    const s = splitName(model.name);
    if (
      s &&
      schema.properties.apiVersion &&
      schema.properties.kind &&
      (schema.properties.metadata || ['Status', 'DeleteOptions'].includes(s.kind))
    ) {
      const group = META_MODELS.has(model.name) ? '' : GROUPS[groupOf.get(model.name)][1];
      schema['x-kubernetes-group-version-kind'] = [{ group, kind: s.kind, version: s.version }];
    }
    definitions[fullName] = schema;
  }
  definitions[`${META}.Time`] = {
    description:
      'Time is a wrapper around time.Time which supports correct marshaling to YAML and JSON.  Wrappers are provided for many of the factory methods that the time package offers.',
    type: 'string',
    format: 'date-time',
  };
  definitions[`${META}.MicroTime`] = {
    description: 'MicroTime is version of Time with microsecond level precision.',
    type: 'string',
    format: 'date-time',
  };
  definitions['io.k8s.apimachinery.pkg.util.intstr.IntOrString'] = {
    description:
      'IntOrString is a type that can hold an int32 or a string.  When used in JSON or YAML marshalling and unmarshalling, it produces or consumes the inner type.  This allows you to have, for example, a JSON field that can accept a name or number.',
    format: 'int-or-string',
    type: 'string',
    'x-kubernetes-int-or-string': true,
  };
  mkdirSync(dirname(typesFile), { recursive: true });
  mkdirSync(dirname(definitionsFile), { recursive: true });
  writeFileSync(typesFile, `${lines.join('\n')}\n`);
  writeFileSync(definitionsFile, JSON.stringify(definitions));
  writeFileSync(stampFile, current);
  process.stderr.write(
    `generate: ${Object.keys(definitions).length} definitions of ${Object.keys(groups).length} groups\n`,
  );
}

main();
const cri = join(root, 'packages/cri/scripts/generate.mjs');
if (existsSync(cri)) await import(pathToFileURL(cri).href);
