import { CacheItem, type StoredObject } from '@kubelab/storage';

/** What the store returned as an item with its encodings. */
export function asItem(stored: StoredObject): CacheItem {
  return stored instanceof CacheItem ? stored : new CacheItem(stored.key, stored.revision, stored.bytes);
}

/** An item for an object that is not stored as it is shown: dry runs, and the last state of what was deleted. */
export function shownItem(key: string, revision: number, object: CacheItem['object']): CacheItem {
  return new CacheItem(key, revision, object);
}
