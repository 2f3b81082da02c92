import type { KubeObject } from '@kubelab/apimachinery';
import { DEFAULT_COLUMNS } from './columns/common.js';
import type { Column, ResourceEntry, ResourceVersion, Strategy, SubresourceEntry } from './resource.js';

/** Verbs of an ordinary stored resource, in discovery's order. */
export const ALL_VERBS = ['create', 'delete', 'deletecollection', 'get', 'list', 'patch', 'update', 'watch'];

/** A row as the group files write it; what follows from the rest is filled in. */
export type ResourceDefinition = Partial<Omit<ResourceEntry, 'versions'>> & {
  kind: string;
  resource: string;
  /** In order of preference; the first is stored unless storageVersion says otherwise. */
  versions: (string | ResourceVersion)[];
};

/** The group's name and the package of its types in the definitions (`io.k8s.api.apps`). */
export interface GroupDefinition {
  group: string;
  typesPackage: string;
}

/** Completes a row: list kind, singular, schema names, verbs, storage prefix, columns. */
export function defineResource(group: GroupDefinition, d: ResourceDefinition): ResourceEntry {
  const versions = d.versions.map((v) =>
    typeof v === 'string' ? { version: v, schemaName: `${group.typesPackage}.${v}.${d.kind}` } : withDefaults(v, d),
  );
  const converted = new Set(versions.filter((v) => v.toStorage).map((v) => v.version));
  const defaults = d.defaults;
  const first = versions[0];
  if (!first) throw new Error(`resource ${d.resource} has no version`);
  return {
    group: group.group,
    singular: d.kind.toLowerCase(),
    listKind: `${d.kind}List`,
    shortNames: [],
    categories: [],
    namespaced: true,
    storageVersion: first.version,
    storagePrefix: d.resource,
    verbs: ALL_VERBS,
    strategy: {},
    columns: NAME_AND_AGE,
    subresources: {},
    ...d,
    ...(defaults && converted.size > 0
      ? {
          defaults: (obj, version) => {
            if (!converted.has(version)) defaults(obj, version);
          },
        }
      : {}),
    versions,
  };
}

/** Objects of versions with another shape get their defaults after conversion, in the stored shape. */
function withDefaults(v: ResourceVersion, d: ResourceDefinition): ResourceVersion {
  const { toStorage } = v;
  const { defaults } = d;
  if (!toStorage || !defaults) return v;
  return {
    ...v,
    toStorage(obj) {
      const stored = toStorage(obj);
      defaults(stored, v.version);
      return stored;
    },
  };
}

/** Name and creation time: columns of a resource that has none of its own. */
export const NAME_AND_AGE: Column[] = DEFAULT_COLUMNS;

/** Defaults that are written for the kind's own type, as the table calls them. */
export function defaultsOf<T>(set: (obj: T) => void): (obj: KubeObject) => void {
  // The table holds objects of every kind as plain JSON.
  return (obj) => set(obj as unknown as T);
}

/** The status subresource of a kind. */
export function statusOf(kind: string, strategy?: Strategy): SubresourceEntry {
  return { kind, verbs: ['get', 'patch', 'update'], type: 'status', ...(strategy ? { strategy } : {}) };
}

/** The scale subresource (autoscaling/v1 Scale) of a workload. */
export function scaleOf(labelSelectorPath: string): SubresourceEntry {
  return {
    kind: 'Scale',
    group: 'autoscaling',
    version: 'v1',
    verbs: ['get', 'patch', 'update'],
    type: 'scale',
    scale: { specReplicasPath: '.spec.replicas', statusReplicasPath: '.status.replicas', labelSelectorPath },
  };
}

/** A subresource served by a handler of its own in the API server. */
export function connect(kind: string, verbs: string[], gv?: { group: string; version: string }): SubresourceEntry {
  return { kind, verbs, type: 'connect', ...gv };
}
