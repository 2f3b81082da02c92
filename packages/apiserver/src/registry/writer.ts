import type { ResourceEntry } from '@kubelab/api';
import type { CacheItem, Store, WatchCache } from '@kubelab/storage';
import { type CreateRequest, createObject } from './create-object.js';
import { type DeleteRequest, type DeleteResult, deleteObject } from './delete-object.js';
import type { WriteHooks } from './hooks.js';
import { objectKeyOf } from './keys.js';
import { type UpdateRequest, type UpdateResult, updateObject } from './update-object.js';

/** The writes of all resources, each a compare-and-swap in etcd. */
export class Writer {
  constructor(
    private readonly store: Store,
    private readonly cache: WatchCache,
    private readonly hooks: WriteHooks,
  ) {}

  create(entry: ResourceEntry, request: CreateRequest): Promise<CacheItem> {
    return createObject(this.store, this.hooks, entry, request);
  }

  /** The first round is made with the cached state, which is nearly always the newest: it saves a read of etcd. */
  update(entry: ResourceEntry, request: UpdateRequest): Promise<UpdateResult> {
    const key = objectKeyOf(entry, request.namespace, request.name);
    const known = request.known ?? this.cache.resource(entry.storagePrefix).get(key);
    return updateObject(this.store, this.hooks, entry, { ...request, known });
  }

  delete(entry: ResourceEntry, request: DeleteRequest): Promise<DeleteResult> {
    return deleteObject(this.store, this.hooks, entry, request);
  }
}
