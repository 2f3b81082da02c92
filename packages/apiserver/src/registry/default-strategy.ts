import type { ResourceEntry, Strategy, SubresourceEntry } from '@kubelab/api';
import { deepEqual, type KubeObject } from '@kubelab/apimachinery';

/**
 * What a resource's strategy leaves out: status is set through the status subresource only, spec through the main
 * resource only, and the generation counts changes of everything but metadata and status (API conventions, Metadata).
 */
export function prepareForCreate(entry: ResourceEntry, object: KubeObject, context: PrepareContext): void {
  if (entry.strategy.prepareForCreate) {
    entry.strategy.prepareForCreate(object, context);
    return;
  }
  if (entry.subresources.status) {
    delete object.status;
  }
  if ('spec' in object) {
    object.metadata.generation = 1;
  }
}

export type PrepareContext = Parameters<NonNullable<Strategy['prepareForCreate']>>[1];

export function prepareForUpdate(
  entry: ResourceEntry,
  subresource: SubresourceEntry | undefined,
  object: KubeObject,
  old: KubeObject,
  context: PrepareContext,
): void {
  const strategy = subresource ? subresource.strategy : entry.strategy;
  if (strategy?.prepareForUpdate) {
    strategy.prepareForUpdate(object, old, context);
    return;
  }
  if (subresource?.type === 'status') {
    keepAllButStatus(object, old);
    return;
  }
  if (entry.subresources.status) {
    replaceField(object, 'status', old.status);
  }
  object.metadata.generation = old.metadata.generation;
  if (old.metadata.generation !== undefined && !deepEqual(withoutMetaAndStatus(object), withoutMetaAndStatus(old))) {
    object.metadata.generation = old.metadata.generation + 1;
  }
}

/** A status update changes status, labels and annotations; owners and the rest stay. */
function keepAllButStatus(object: KubeObject, old: KubeObject): void {
  for (const key of Object.keys(object)) {
    if (key !== 'status' && key !== 'metadata' && !(key in old)) {
      delete object[key];
    }
  }
  for (const [key, value] of Object.entries(old)) {
    if (key !== 'status' && key !== 'metadata') {
      object[key] = value;
    }
  }
  object.metadata.generation = old.metadata.generation;
  if (old.metadata.ownerReferences) {
    object.metadata.ownerReferences = old.metadata.ownerReferences;
  } else {
    delete object.metadata.ownerReferences;
  }
}

function replaceField(object: KubeObject, name: string, value: unknown): void {
  if (value === undefined) {
    delete object[name];
  } else {
    object[name] = value;
  }
}

function withoutMetaAndStatus({ metadata: _metadata, status: _status, ...rest }: KubeObject): object {
  return rest;
}
