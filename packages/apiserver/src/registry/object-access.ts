import type { ResourceEntry, ResourceTable } from '@kubelab/api';
import {
  type GroupResource,
  type KubeObject,
  newAlreadyExists,
  newConflict,
  newNotFound,
  newUid,
  nowSecond,
  optimisticLockMessage,
} from '@kubelab/apimachinery';
import type { CacheEvent, Store, WatchCache } from '@kubelab/storage';
import type { ObjectAccess, ObjectObserver } from '../object-access.js';
import { inTurns } from './in-turns.js';
import { collectionPrefix, objectKeyOf } from './keys.js';
import { groupResource } from './store-errors.js';

/** Reads and writes of the server itself: no authorization, admission or validation of their own. */
export class StoreAccess implements ObjectAccess {
  constructor(
    private readonly table: ResourceTable,
    private readonly store: Store,
    private readonly cache: WatchCache,
  ) {}

  async get(resource: GroupResource, namespace: string, name: string, o?: { consistent?: boolean }) {
    const entry = this.entryOf(resource);
    const key = objectKeyOf(entry, namespace, name);
    if (o?.consistent) {
      return (await this.store.get(key))?.object;
    }
    return this.cache.resource(entry.storagePrefix).get(key)?.object;
  }

  async list(resource: GroupResource, namespace: string, o?: { consistent?: boolean }): Promise<KubeObject[]> {
    const entry = this.entryOf(resource);
    if (o?.consistent) {
      await this.cache.waitUntilCurrent();
    }
    const items = this.cache.resource(entry.storagePrefix).list(collectionPrefix(entry, namespace));
    return items.map((item) => item.object);
  }

  async create(resource: GroupResource, object: KubeObject): Promise<KubeObject> {
    const entry = this.entryOf(resource);
    const { namespace = '', name = '' } = object.metadata;
    const metadata = { uid: newUid(), creationTimestamp: nowSecond(), ...object.metadata };
    const item = await this.store.create(objectKeyOf(entry, namespace, name), { ...object, metadata });
    if (!item) {
      throw newAlreadyExists(groupResource(entry), name);
    }
    return item.object;
  }

  async update(resource: GroupResource, object: KubeObject): Promise<KubeObject> {
    const entry = this.entryOf(resource);
    const { namespace = '', name = '', resourceVersion } = object.metadata;
    const item = await this.store.update(objectKeyOf(entry, namespace, name), Number(resourceVersion), object);
    if (!item) {
      throw newConflict(groupResource(entry), name, optimisticLockMessage);
    }
    return item.object;
  }

  async delete(resource: GroupResource, namespace: string, name: string): Promise<void> {
    const entry = this.entryOf(resource);
    const key = objectKeyOf(entry, namespace, name);
    for (;;) {
      const current = await this.store.get(key);
      if (!current) {
        throw newNotFound(groupResource(entry), name);
      }
      if ((await this.store.delete(key, current.revision)) !== undefined) {
        return;
      }
    }
  }

  async observe(resource: GroupResource, observer: ObjectObserver): Promise<() => void> {
    const cache = this.cache.resource(this.entryOf(resource).storagePrefix);
    // What comes while the existing ones are told waits its turn.
    let waiting: CacheEvent[] | undefined = [];
    const stop = cache.subscribe((event) => (waiting ? waiting.push(event) : tell(observer, event)));
    await inTurns(cache.list(''), (item) => observer.added(item.object));
    for (const event of waiting) {
      tell(observer, event);
    }
    waiting = undefined;
    return stop;
  }

  private entryOf(resource: GroupResource): ResourceEntry {
    const entry = this.table.row(resource.group, resource.resource);
    if (!entry) {
      throw new Error(`resource ${resource.resource}.${resource.group} is not served`);
    }
    return entry;
  }
}

function tell(observer: ObjectObserver, { current, previous }: CacheEvent): void {
  if (current && previous) {
    observer.updated(previous.object, current.object);
  } else if (current) {
    observer.added(current.object);
  } else if (previous) {
    observer.deleted(previous.object);
  }
}
