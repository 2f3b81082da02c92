import type { ResourceEntry, SubresourceEntry } from '@kubelab/api';
import {
  deepEqual,
  FieldPath,
  field,
  type KubeObject,
  newConflict,
  newInvalid,
  newNotFound,
  optimisticLockMessage,
  validateObjectMetaUpdate,
} from '@kubelab/apimachinery';
import type { CacheItem, Store, StoredObject } from '@kubelab/storage';
import { asItem, shownItem } from './as-item.js';
import { type PrepareContext, prepareForUpdate } from './default-strategy.js';
import { deletionIsDone } from './deletion.js';
import type { Undo, WriteHooks } from './hooks.js';
import { objectKeyOf } from './keys.js';
import { groupResource } from './store-errors.js';

export interface UpdateRequest {
  namespace: string;
  name: string;
  subresource?: SubresourceEntry;
  context: PrepareContext;
  dryRun: boolean;
  /** A state of the object to try with first (from the cache); a stale one costs one more round. */
  known?: StoredObject;
  /**
   * Makes the new object from the current one (shared: not to be changed), both in the storage version. Called again
   * when the object changed in between.
   */
  transform(current: StoredObject): KubeObject | Promise<KubeObject>;
  /** Mutating admission. */
  mutate?(object: KubeObject, old: KubeObject): Promise<KubeObject>;
  /** Sets managedFields on the final object. */
  track?(object: KubeObject, old: KubeObject): void;
  /** Validating admission. */
  admit?(object: KubeObject, old: KubeObject): Promise<void>;
  /** Skips strategy and validation: writes of the server itself (binding, finalize). */
  raw?: boolean;
}

export interface UpdateResult {
  item: CacheItem;
  /** The update took the last finalizer away, and the object with it. */
  deleted: boolean;
  /** The object was as wanted already; nothing was written. */
  unchanged?: boolean;
}

/** Rounds of an update that others keep getting in the way of, before it is given up with a Conflict. */
const maxRounds = 100;

/**
 * Updates an object by compare-and-swap. @throws StatusError NotFound, Conflict, Invalid
 */
export async function updateObject(
  store: Store,
  hooks: WriteHooks,
  entry: ResourceEntry,
  request: UpdateRequest,
): Promise<UpdateResult> {
  const key = objectKeyOf(entry, request.namespace, request.name);
  let current = request.known;
  let isFresh = false;
  for (let round = 0; round < maxRounds; round++) {
    if (!current) {
      current = await store.get(key);
      isFresh = true;
    }
    if (!current) {
      throw newNotFound(groupResource(entry), request.name);
    }
    let outcome: UpdateResult | undefined;
    try {
      outcome = await attempt(store, hooks, entry, request, current);
    } catch (error) {
      // What was wrong may be that the cached state was old: it is judged by the newest one.
      if (isFresh) {
        throw error;
      }
    }
    // That nothing changes is only true of the newest state.
    if (outcome && (isFresh || !outcome.unchanged)) {
      return outcome;
    }
    current = undefined;
  }
  throw newConflict(groupResource(entry), request.name, optimisticLockMessage);
}

async function attempt(
  store: Store,
  hooks: WriteHooks,
  entry: ResourceEntry,
  request: UpdateRequest,
  current: StoredObject,
): Promise<UpdateResult | undefined> {
  const old = current.object;
  let object = await request.transform(current);
  checkIdentity(entry, request, object, old);
  if (request.mutate) {
    object = await request.mutate(object, old);
  }
  keepSystemFields(object, old);
  let undo: Undo = async () => undefined;
  if (!request.raw) {
    prepareForUpdate(entry, request.subresource, object, old, request.context);
    request.track?.(object, old);
    undo = request.subresource ? undo : await hooks.beforeUpdate(entry, object, old, request.dryRun);
  }
  try {
    if (!request.raw) {
      validate(entry, request, object, old);
    }
    await request.admit?.(object, old);
    object.metadata.resourceVersion = old.metadata.resourceVersion;
    if (deepEqual(object, old)) {
      await undo();
      return { item: asItem(current), deleted: false, unchanged: true };
    }
    if (request.dryRun) {
      return { item: shownItem(current.key, current.revision, object), deleted: false };
    }
    if (deletionIsDone(entry, object)) {
      const revision = await store.delete(current.key, current.revision);
      if (revision === undefined) {
        await undo();
        return undefined;
      }
      await hooks.afterDelete(entry, old);
      return { item: shownItem(current.key, current.revision, object), deleted: true };
    }
    const written = await store.update(current.key, current.revision, object);
    if (!written) {
      await undo();
      return undefined;
    }
    await hooks.afterUpdate(entry, object, old);
    return { item: asItem(written), deleted: false };
  } catch (error) {
    await undo();
    throw error;
  }
}

/** The object that the client means must be the one that is there. */
function checkIdentity(entry: ResourceEntry, request: UpdateRequest, object: KubeObject, old: KubeObject): void {
  const { uid } = object.metadata;
  // "0" is no version of anything: it means the same as none.
  const resourceVersion = object.metadata.resourceVersion === '0' ? undefined : object.metadata.resourceVersion;
  if (uid && uid !== old.metadata.uid) {
    const message = `Precondition failed: UID in precondition: ${uid}, UID in object meta: ${old.metadata.uid}`;
    throw newConflict(groupResource(entry), request.name, message);
  }
  if (resourceVersion && resourceVersion !== old.metadata.resourceVersion) {
    throw newConflict(groupResource(entry), request.name, optimisticLockMessage);
  }
  if (!resourceVersion && entry.allowUnconditionalUpdate === false && !request.raw) {
    const path = FieldPath.of('metadata', 'resourceVersion');
    throw newInvalid({ group: entry.group, kind: entry.kind }, request.name, [
      field.invalid(path, 0, 'must be specified for an update'),
    ]);
  }
}

/** What an update cannot change (rest.BeforeUpdate). */
function keepSystemFields(object: KubeObject, old: KubeObject): void {
  const kept = ['uid', 'creationTimestamp', 'deletionTimestamp', 'deletionGracePeriodSeconds'] as const;
  for (const name of kept) {
    if (old.metadata[name] === undefined) {
      delete object.metadata[name];
    } else {
      Object.assign(object.metadata, { [name]: old.metadata[name] });
    }
  }
  delete object.metadata.selfLink;
}

function validate(entry: ResourceEntry, request: UpdateRequest, object: KubeObject, old: KubeObject): void {
  const strategy = request.subresource ? request.subresource.strategy : entry.strategy;
  const errors = [
    ...validateObjectMetaUpdate(object.metadata, old.metadata, FieldPath.of('metadata')),
    ...(strategy?.validateUpdate?.(object, old, request.context) ?? []),
  ];
  if (errors.length > 0) {
    throw newInvalid({ group: entry.group, kind: entry.kind }, request.name, errors);
  }
}
