export { Backoff, type BackoffOptions } from './backoff.js';
export { type Clock, delay, systemClock } from './clock.js';
export { type DiscoveredResource, DiscoveryClient, type DiscoveryResult } from './discovery.js';
export type { Event, ObjectReference } from './events/event.js';
export { EventRecorder, type EventRecorderOptions } from './events/recorder.js';
export { gvr, gvrText } from './gvr.js';
export { InformerFactory } from './informer/factory.js';
export { type EventHandler, type Informer, type InformerOptions, SharedInformer } from './informer/informer.js';
export { type IndexFunction, type Lister, Store } from './informer/store.js';
export { LeaderElector, type LeaderElectorOptions } from './leader-election.js';
export { Client, type Query, type RequestOptions } from './rest/client.js';
export type { ClientConfig } from './rest/config.js';
export { inClusterConfig } from './rest/in-cluster.js';
export { loadKubeconfig } from './rest/kubeconfig.js';
export { TokenBucket } from './rest/rate-limiter.js';
export { collectionPath } from './rest/resource-client.js';
export { ConnectionError } from './rest/transport.js';
export { retryOnConflict } from './retry.js';
export type {
  ApiList,
  ApiObject,
  ApiObjectMeta,
  DeleteOptions,
  GetOptions,
  Gvr,
  ListOptions,
  PatchOptions,
  PatchType,
  ResourceClient,
  WatchEvent,
  WatchOptions,
  WriteOptions,
} from './types.js';
export { type WaitOptions, WaitTimeoutError, waitFor, waitForDeletion, waitForObject } from './wait.js';
export {
  type QueueObserver,
  type QueueRunOptions,
  type ReconcileResult,
  TerminalError,
  WorkQueue,
  type WorkQueueOptions,
} from './workqueue/queue.js';
export { ExponentialFailureLimiter } from './workqueue/rate-limiter.js';
