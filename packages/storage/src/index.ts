export { Compactor } from './compactor.js';
export { etcdElection } from './election-flags.js';
export { encodeObject, withResourceVersion } from './encoding.js';
export { EtcdElector, type EtcdElectorOptions } from './etcd-elector.js';
export { type EtcdOptions, EtcdStore } from './etcd-store.js';
export { CacheEvent, type CacheListener, ResourceCache } from './resource-cache.js';
export {
  CompactedError,
  FutureRevisionError,
  type ListPage,
  type ListPageOptions,
  type Store,
  type StoredObject,
  type StoreEvent,
  StoreUnavailableError,
  ValueTooLargeError,
  type WatchBatch,
  type WatchOptions,
} from './store.js';
export { CacheItem, type Selectable } from './stored-item.js';
export { identityTransformer, type Transformer } from './transformer.js';
export { prefixOf, WatchCache, type WatchCacheLog } from './watch-cache.js';
