import type { ResourceEntry } from '@kubelab/api';
import { type KubeObject, newConflict, newNotFound, nowSecond } from '@kubelab/apimachinery';
import type { CacheItem, Store, StoredObject } from '@kubelab/storage';
import { asItem, shownItem } from './as-item.js';
import { type DeleteRequestOptions, finalizersForDeletion, gracePeriodOf, hasSpecFinalizers } from './deletion.js';
import type { WriteHooks } from './hooks.js';
import { objectKeyOf } from './keys.js';
import { groupResource } from './store-errors.js';

export interface DeleteRequest {
  namespace: string;
  name: string;
  options: DeleteRequestOptions;
  /** Validating admission, of the object as it is. */
  admit?(old: KubeObject): Promise<void>;
}

export interface DeleteResult {
  item: CacheItem;
  /** Gone already; else it waits for its grace period or for finalizers. */
  deleted: boolean;
}

/** Deletes an object or begins its deletion. @throws StatusError NotFound, Conflict */
export async function deleteObject(
  store: Store,
  hooks: WriteHooks,
  entry: ResourceEntry,
  request: DeleteRequest,
): Promise<DeleteResult> {
  const key = objectKeyOf(entry, request.namespace, request.name);
  for (;;) {
    const current = await store.get(key);
    if (!current) {
      throw newNotFound(groupResource(entry), request.name);
    }
    checkPreconditions(entry, request, current.object);
    await request.admit?.(current.object);
    const result = await attempt(store, hooks, entry, request.options, current);
    if (result) {
      return result;
    }
  }
}

async function attempt(
  store: Store,
  hooks: WriteHooks,
  entry: ResourceEntry,
  options: DeleteRequestOptions,
  current: StoredObject,
): Promise<DeleteResult | undefined> {
  const begun = beginDeletion(entry, current.object, options);
  if (begun === 'unchanged') {
    return { item: asItem(current), deleted: false };
  }
  if (options.dryRun) {
    const object = begun ?? current.object;
    return { item: shownItem(current.key, current.revision, object), deleted: begun === undefined };
  }
  if (begun) {
    const written = await store.update(current.key, current.revision, begun);
    return written && { item: asItem(written), deleted: false };
  }
  const revision = await store.delete(current.key, current.revision);
  if (revision === undefined) {
    return undefined;
  }
  await hooks.afterDelete(entry, current.object);
  return { item: shownItem(current.key, revision, current.object), deleted: true };
}

/**
 * The object as it is while it waits for its deletion; undefined when it need not wait; `unchanged` when it waits
 * already and the request asks for nothing shorter (rest.BeforeDelete).
 */
function beginDeletion(
  entry: ResourceEntry,
  old: KubeObject,
  options: DeleteRequestOptions,
): KubeObject | undefined | 'unchanged' {
  const finalizers = finalizersForDeletion(entry, old, options);
  const grace = gracePeriodOf(entry, old, options);
  const waits = finalizers.length > 0 || hasSpecFinalizers(entry, old);
  const { deletionTimestamp, deletionGracePeriodSeconds } = old.metadata;
  const sameFinalizers = finalizers.join() === (old.metadata.finalizers ?? []).join();
  if (deletionTimestamp !== undefined) {
    const before = deletionGracePeriodSeconds ?? 0;
    const shorter = grace < before && (options.gracePeriodSeconds !== undefined || grace === 0);
    if (!shorter && before > 0) {
      return sameFinalizers ? 'unchanged' : withDeletion(entry, old, finalizers, deletionTimestamp, before);
    }
    if (!waits && (grace === 0 || before === 0)) {
      return undefined;
    }
    if (!shorter && sameFinalizers) {
      return 'unchanged';
    }
    const began = Date.parse(deletionTimestamp) - before * 1000;
    const time = shorter ? nowSecond(new Date(Math.max(Date.now(), began + grace * 1000))) : deletionTimestamp;
    return withDeletion(entry, old, finalizers, time, Math.min(grace, before));
  }
  if (grace === 0 && !waits) {
    return undefined;
  }
  return withDeletion(entry, old, finalizers, nowSecond(new Date(Date.now() + grace * 1000)), grace);
}

function withDeletion(
  entry: ResourceEntry,
  old: KubeObject,
  finalizers: string[],
  deletionTimestamp: string,
  deletionGracePeriodSeconds: number,
): KubeObject {
  const { finalizers: _before, ...rest } = old.metadata;
  const first = old.metadata.deletionTimestamp === undefined;
  const object: KubeObject = {
    ...old,
    metadata: {
      ...rest,
      ...(finalizers.length > 0 ? { finalizers } : {}),
      deletionTimestamp,
      deletionGracePeriodSeconds,
      // The wish to delete is a change of what is wanted, so it is a new generation.
      ...(first && rest.generation !== undefined ? { generation: rest.generation + 1 } : {}),
    },
  };
  if (entry.group === '' && entry.resource === 'namespaces') {
    object.status = { ...(old.status as object | undefined), phase: 'Terminating' };
    delete object.metadata.deletionGracePeriodSeconds;
  }
  return object;
}

function checkPreconditions(entry: ResourceEntry, request: DeleteRequest, object: KubeObject): void {
  const { uid, resourceVersion } = request.options.preconditions ?? {};
  if (uid !== undefined && uid !== object.metadata.uid) {
    const message = `Precondition failed: UID in precondition: ${uid}, UID in object meta: ${object.metadata.uid}`;
    throw newConflict(groupResource(entry), request.name, message);
  }
  if (resourceVersion !== undefined && resourceVersion !== object.metadata.resourceVersion) {
    const message = `Precondition failed: ResourceVersion in precondition: ${resourceVersion}, ResourceVersion in object meta: ${object.metadata.resourceVersion}`;
    throw newConflict(groupResource(entry), request.name, message);
  }
}
