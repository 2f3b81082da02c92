import type { Schema } from '@kubelab/apimachinery';
import { REF_PREFIX, resolveSchema } from '../definitions.js';
import type { ResourceEntry, ResourceVersion } from '../resource.js';
import type { ResourceTable } from '../table.js';
import type { PathOperations } from './operations.js';

const META = 'io.k8s.apimachinery.pkg.apis.meta.v1';

/**
 * The name that a kind's schema is published under: custom resources have their group's parts turned round
 * (`com.example.v1.CronTab`), as Kubernetes names them.
 */
export function publishedName(entry: ResourceEntry, v: ResourceVersion): string {
  if (!v.schema) return v.schemaName;
  return [...entry.group.split('.').reverse(), v.version, entry.kind].join('.');
}

/** Schemas of kinds that are not in the definitions (CRDs), with their lists. */
export function customSchemas(table: ResourceTable): Map<string, Schema> {
  const out = new Map<string, Schema>();
  for (const entry of table.all()) {
    for (const v of entry.versions) {
      if (!v.schema) continue;
      const name = publishedName(entry, v);
      out.set(name, {
        ...withTypeMeta(v.schema),
        'x-kubernetes-group-version-kind': [{ group: entry.group, kind: entry.kind, version: v.version }],
      });
      out.set(`${name}List`, {
        description: `${entry.listKind} is a list of ${entry.kind}`,
        type: 'object',
        required: ['items'],
        properties: {
          apiVersion: {
            description: 'APIVersion defines the versioned schema of this representation of an object.',
            type: 'string',
          },
          items: {
            description: `List of ${entry.resource}.`,
            type: 'array',
            items: { $ref: `${REF_PREFIX}${name}` },
          },
          kind: {
            description: 'Kind is a string value representing the REST resource this object represents.',
            type: 'string',
          },
          metadata: { description: 'Standard list metadata.', $ref: `${REF_PREFIX}${META}.ListMeta` },
        },
        'x-kubernetes-group-version-kind': [{ group: entry.group, kind: entry.listKind, version: v.version }],
      });
    }
  }
  return out;
}

/** A custom resource's schema with the fields that every object has, which its definition may leave out. */
function withTypeMeta(schema: Schema): Schema {
  const text: Schema = { type: 'string' };
  return {
    ...schema,
    properties: {
      ...schema.properties,
      apiVersion: {
        ...text,
        description:
          'APIVersion defines the versioned schema of this representation of an object. Servers should convert recognized schemas to the latest internal value, and may reject unrecognized values. More info: https://git.k8s.io/community/contributors/devel/sig-architecture/api-conventions.md#resources',
      },
      kind: {
        ...text,
        description:
          'Kind is a string value representing the REST resource this object represents. Servers may infer this from the endpoint the client submits requests to. Cannot be updated. In CamelCase. More info: https://git.k8s.io/community/contributors/devel/sig-architecture/api-conventions.md#types-kinds',
      },
      metadata: {
        description:
          "Standard object's metadata. More info: https://git.k8s.io/community/contributors/devel/sig-architecture/api-conventions.md#metadata",
        $ref: `${REF_PREFIX}${META}.ObjectMeta`,
      },
    },
  };
}

function refsOf(schema: unknown, found: (name: string) => void): void {
  if (typeof schema !== 'object' || schema === null) return;
  if (Array.isArray(schema)) {
    for (const item of schema) refsOf(item, found);
    return;
  }
  for (const [key, value] of Object.entries(schema)) {
    if (key === '$ref' && typeof value === 'string' && value.startsWith(REF_PREFIX))
      found(value.slice(REF_PREFIX.length));
    else if (key !== 'default' && key !== 'example' && key !== 'enum') refsOf(value, found);
  }
}

/** The schemas that operations name, with everything these refer to, by name and sorted. */
export function collectSchemas(paths: Iterable<PathOperations>, custom: Map<string, Schema>): [string, Schema][] {
  const out = new Map<string, Schema>();
  const queue: string[] = [];
  for (const { operations } of paths) {
    for (const o of operations) {
      if (o.body) queue.push(o.body);
      if (o.response) queue.push(o.response);
      // Watches answer with events.
      if (o.action === 'list') queue.push(`${META}.WatchEvent`);
    }
  }
  for (let name = queue.pop(); name !== undefined; name = queue.pop()) {
    if (out.has(name)) continue;
    const schema = custom.get(name) ?? resolveSchema(name);
    if (!schema) continue;
    out.set(name, schema);
    refsOf(schema, (ref) => queue.push(ref));
  }
  return [...out].sort(([a], [b]) => (a < b ? -1 : 1));
}
