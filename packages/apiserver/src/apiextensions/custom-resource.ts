import type { Column, ResourceEntry, ResourceVersion, Strategy, SubresourceEntry } from '@kubelab/api';
import {
  applySchemaDefaults,
  compileJsonPath,
  deepEqual,
  type FieldError,
  FieldPath,
  formatFieldError,
  humanDuration,
  type KubeObject,
  parseTime,
  pruneNonNullableNullsWithDefaults,
  type Schema,
  validateSchema,
  validateSchemaRules,
} from '@kubelab/apimachinery';
import { convertByWebhook, type WebhookPoster } from './conversion-webhook.js';
import { decodeCustomResource } from './decode.js';
import type { CrdVersion, CustomResourceDefinition } from './definition.js';
import { storageVersionOf } from './definition.js';

const objectMetaRef = '#/components/schemas/io.k8s.apimachinery.pkg.apis.meta.v1.ObjectMeta';
const NAME_COLUMN: Column = {
  name: 'Name',
  type: 'string',
  format: 'name',
  description:
    'Name must be unique within a namespace. Is required when creating resources, although some resources may allow a client to request the generation of an appropriate name automatically. Name is primarily intended for creation idempotence and configuration definition. Cannot be updated. More info: https://kubernetes.io/docs/concepts/overview/working-with-objects/names#names',
  priority: 0,
  cell: (obj) => obj.metadata.name,
};
const AGE_COLUMN: Column = {
  name: 'Age',
  type: 'date',
  description:
    'CreationTimestamp is a timestamp representing the server time when this object was created. It is not guaranteed to be set in happens-before order across separate operations. Clients may not set this value. It is represented in RFC3339 form and is in UTC.',
  priority: 0,
  cell: (obj) => cellOf([obj.metadata.creationTimestamp], 'date'),
};
const open: Schema = { type: 'object', 'x-kubernetes-preserve-unknown-fields': true };

/** A version's schema with the fields that every object has. */
function completeSchema(v: CrdVersion): Schema {
  const own = v.schema?.openAPIV3Schema ?? open;
  return {
    ...own,
    properties: {
      ...own.properties,
      apiVersion: { type: 'string' },
      kind: { type: 'string' },
      metadata: { $ref: objectMetaRef },
    },
  };
}

/** Whether a schema sets a default anywhere. */
function hasDefaults(schema: Schema | undefined): boolean {
  if (!schema) return false;
  if (schema.default !== undefined) return true;
  const extra = typeof schema.additionalProperties === 'object' ? schema.additionalProperties : undefined;
  return hasDefaults(schema.items) || hasDefaults(extra) || Object.values(schema.properties ?? {}).some(hasDefaults);
}

function setDefaults(obj: KubeObject, schema: Schema | undefined): void {
  pruneNonNullableNullsWithDefaults(obj, schema);
  applySchemaDefaults(obj, schema);
}

function columnsOf(v: CrdVersion): Column[] {
  const own = (v.additionalPrinterColumns ?? []).map((c): Column => {
    const path = compileJsonPath(c.jsonPath);
    return {
      name: c.name,
      type: c.type as Column['type'],
      ...(c.format ? { format: c.format } : {}),
      description: c.description ?? `Custom resource definition column (in JSONPath format): ${c.jsonPath}`,
      priority: c.priority ?? 0,
      cell: (obj) => cellOf(path(obj), c.type),
    };
  });
  return [NAME_COLUMN, ...(own.length > 0 ? own : [AGE_COLUMN])];
}

function cellOf(found: unknown[], type: string): unknown {
  const value = found[0];
  if (value === undefined || value === null) return null;
  switch (type) {
    case 'integer':
      return typeof value === 'number' ? Math.trunc(value) : null;
    case 'number':
      return typeof value === 'number' ? value : null;
    case 'boolean':
      return typeof value === 'boolean' ? value : null;
    case 'date': {
      const at = typeof value === 'string' ? parseTime(value) : undefined;
      return at === undefined ? '<invalid>' : humanDuration(Date.now() - at);
    }
    default:
      if (found.length > 1) return found.map(text).join(',');
      return text(value);
  }
}

const text = (v: unknown) => (typeof v === 'string' ? v : JSON.stringify(v));

function without(obj: KubeObject, ...names: string[]): Record<string, unknown> {
  return Object.fromEntries(Object.entries(obj).filter(([k]) => !names.includes(k)));
}

/** What a schema says against an object; what was wrong before and did not change is let through (ratcheting). */
function schemaErrors(v: CrdVersion | undefined, obj: KubeObject, old?: KubeObject): FieldError[] {
  const schema = v?.schema?.openAPIV3Schema;
  if (!schema) return [];
  const root = FieldPath.of();
  const errors = validateSchema(obj, schema, root);
  // Rules may rely on the types that the schema demands.
  const all = errors.length > 0 ? errors : validateSchemaRules(obj, old, schema, root);
  if (all.length === 0 || !old) return all;
  const before = new Set(
    [...validateSchema(old, schema, root), ...validateSchemaRules(old, undefined, schema, root)].map(formatFieldError),
  );
  return all.filter((e) => !before.has(formatFieldError(e)) || !sameAt(e.field, obj, old));
}

function sameAt(field: string, a: KubeObject, b: KubeObject): boolean {
  const names = field.split(/[.[\]]+/).filter((n) => n !== '' && n !== '<nil>');
  const at = (o: unknown) =>
    names.reduce(
      (v: unknown, n) => (typeof v === 'object' && v !== null ? (v as Record<string, unknown>)[n] : undefined),
      o,
    );
  return deepEqual(at(a), at(b));
}

function strategies(crd: CustomResourceDefinition, hasStatus: boolean): { main: Strategy; status: Strategy } {
  // Without a webhook all versions look alike, and the client's own schema decides.
  const converted = crd.spec.conversion?.strategy === 'Webhook' ? storageVersionOf(crd) : undefined;
  const versionOf = (name: string) => crd.spec.versions.find((v) => v.name === (converted ?? name));
  const validate: Pick<Strategy, 'validateCreate' | 'validateUpdate'> = {
    validateCreate: (obj, ctx) => schemaErrors(versionOf(ctx.version), obj),
    validateUpdate: (obj, old, ctx) => schemaErrors(versionOf(ctx.version), obj, old),
  };
  const keep = (obj: KubeObject, old: KubeObject, name: string) => {
    if (old[name] === undefined) delete obj[name];
    else obj[name] = old[name];
  };
  const main: Strategy = {
    ...validate,
    prepareForCreate(obj) {
      if (hasStatus) delete obj.status;
      obj.metadata.generation = 1;
    },
    prepareForUpdate(obj, old) {
      if (hasStatus) keep(obj, old, 'status');
      const ignored = hasStatus ? ['metadata', 'status'] : ['metadata'];
      const changed = !deepEqual(without(obj, ...ignored), without(old, ...ignored));
      obj.metadata.generation = (old.metadata.generation ?? 0) + (changed ? 1 : 0);
    },
  };
  const status: Strategy = {
    ...validate,
    prepareForUpdate(obj, old) {
      for (const key of new Set([...Object.keys(obj), ...Object.keys(old)])) {
        if (!['status', 'metadata', 'apiVersion', 'kind'].includes(key)) keep(obj, old, key);
      }
      // A status update changes nothing of the metadata (but managedFields).
      obj.metadata = {
        ...old.metadata,
        ...(obj.metadata.managedFields ? { managedFields: obj.metadata.managedFields } : {}),
      };
    },
  };
  return { main, status };
}

function subresourcesOf(
  crd: CustomResourceDefinition,
  v: CrdVersion,
  status: Strategy,
): Record<string, SubresourceEntry> {
  const verbs = ['get', 'patch', 'update'];
  const { kind } = crd.spec.names;
  const scale = v.subresources?.scale;
  return {
    ...(v.subresources?.status ? { status: { kind, verbs, type: 'status' as const, strategy: status } } : {}),
    ...(scale
      ? { scale: { kind: 'Scale', group: 'autoscaling', version: 'v1', verbs, type: 'scale' as const, scale } }
      : {}),
  };
}

/** How a version's objects come from and to the stored version where the definition has a conversion webhook. */
function conversionOf(
  crd: CustomResourceDefinition,
  version: string,
  poster: WebhookPoster,
): ResourceVersion['convert'] {
  const to = async (objects: KubeObject[], wanted: string): Promise<KubeObject[]> => {
    const schema = crd.spec.versions.find((v) => v.name === wanted)?.schema?.openAPIV3Schema;
    const converted = await convertByWebhook(crd, poster, objects, wanted);
    return converted.map((object, i) => {
      // What nobody converted belongs to the caller or the cache.
      const own = object === objects[i] ? structuredClone(object) : object;
      if (schema) decodeCustomResource(own, schema);
      setDefaults(own, schema);
      return own;
    });
  };
  return {
    toStorage: (objects) => to(objects, storageVersionOf(crd)),
    fromStorage: (objects) => to(objects, version),
  };
}

/** The table row that serves the objects of a definition; webhooks that convert them are called through `poster`. */
export function customResourceEntry(crd: CustomResourceDefinition, poster: WebhookPoster): ResourceEntry {
  const { group, scope } = crd.spec;
  const names = crd.status?.acceptedNames?.kind ? crd.status.acceptedNames : crd.spec.names;
  const stored = storageVersionOf(crd);
  const hasStatus = crd.spec.versions.some((v) => v.subresources?.status);
  const byWebhook = crd.spec.conversion?.strategy === 'Webhook';
  const wasStoredOtherwise = (crd.status?.storedVersions ?? []).some((v) => v !== stored);
  const { main, status } = strategies(crd, hasStatus);
  const schemaByVersion = new Map(crd.spec.versions.map((v) => [v.name, v.schema?.openAPIV3Schema]));
  const versions = crd.spec.versions
    .filter((v) => v.served)
    .map((v): ResourceVersion => {
      const schema = schemaByVersion.get(v.name);
      return {
        version: v.name,
        // Unique for this state of the definition: encoded objects are kept by it.
        schemaName: `crd:${crd.metadata.uid}/${v.name}/${crd.metadata.generation ?? 0}`,
        schema: completeSchema(v),
        columns: columnsOf(v),
        subresources: subresourcesOf(crd, v, status),
        ...(v.deprecated
          ? { deprecationWarning: v.deprecationWarning ?? `${group}/${v.name} ${names.kind} is deprecated` }
          : {}),
        ...(byWebhook ? { convert: conversionOf(crd, v.name, poster) } : {}),
        // Objects stored before a default came get it when they are read; those of an older version get the new name.
        ...(!byWebhook && (hasDefaults(schema) || wasStoredOtherwise)
          ? {
              fromStorage: (obj: KubeObject) => {
                const out = structuredClone(obj);
                setDefaults(out, schema);
                return out;
              },
            }
          : {}),
      };
    });
  const selectable = new Map(
    crd.spec.versions
      .flatMap((v) => v.selectableFields ?? [])
      .map((f) => [f.jsonPath.replace(/^\./, ''), compileJsonPath(f.jsonPath)]),
  );
  return {
    group,
    resource: names.plural,
    singular: names.singular ?? names.kind.toLowerCase(),
    kind: names.kind,
    listKind: names.listKind ?? `${names.kind}List`,
    shortNames: names.shortNames ?? [],
    categories: names.categories ?? [],
    namespaced: scope === 'Namespaced',
    versions,
    storageVersion: stored,
    storagePrefix: `${group}/${names.plural}`,
    verbs: ['delete', 'deletecollection', 'get', 'list', 'patch', 'create', 'update', 'watch'],
    strategy: main,
    defaults: (obj, version) => setDefaults(obj, schemaByVersion.get(version)),
    columns: versions[0]?.columns ?? [NAME_COLUMN, AGE_COLUMN],
    subresources: versions[0]?.subresources ?? {},
    allowUnconditionalUpdate: false,
    ...(selectable.size > 0
      ? {
          selectableFields: Object.fromEntries(
            [...selectable].map(([f, path]) => [f, (obj: KubeObject) => String(path(obj)[0] ?? '')]),
          ),
        }
      : {}),
  };
}
