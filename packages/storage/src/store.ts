import type { KubeObject } from '@kubelab/apimachinery';

/** An object as it is stored, with the revision it was written at (its resourceVersion). */
export interface StoredObject {
  /** Below the store's prefix: `pods/default/web-1`. */
  readonly key: string;
  readonly revision: number;
  /** In the storage version, metadata.resourceVersion set. Shared by all readers: never change it. */
  readonly object: KubeObject;
  /** The object's JSON, resourceVersion included. Shared as well. */
  readonly bytes: Buffer;
}

export interface StoreEvent {
  type: 'put' | 'delete';
  key: string;
  revision: number;
  /** The object after a put. */
  item?: StoredObject;
}

export interface ListPage {
  items: StoredObject[];
  /** The revision that the page shows. */
  revision: number;
  /** Whether there are objects behind the page. */
  more: boolean;
  /** How many objects there are from the page's start on, the page's own among them. */
  count: number;
}

export interface ListPageOptions {
  /** First key to return (inclusive), below the prefix; default the prefix's start. */
  from?: string;
  limit?: number;
  /** An older state; CompactedError when it is gone. Default the newest, linearizable. */
  revision?: number;
}

export interface WatchOptions {
  /** The first revision whose changes are wanted. */
  fromRevision: number;
  signal: AbortSignal;
  /** Called once the server has taken the watch. */
  onStarted?(): void;
}

/** A batch of changes of one etcd response, in order, and the revision up to which nothing is missing. */
export interface WatchBatch {
  events: StoreEvent[];
  revision: number;
}

/**
 * Keeps encoded objects by key with compare-and-swap writes. Every method rejects with StoreUnavailableError when the
 * database does not answer.
 */
export interface Store {
  /** Linearizable read. */
  get(key: string): Promise<StoredObject | undefined>;
  list(prefix: string, options?: ListPageOptions): Promise<ListPage>;
  /** Resolves to undefined when the key exists. */
  create(key: string, object: KubeObject): Promise<StoredObject | undefined>;
  /** Resolves to undefined when the key is not at the expected revision (changed, or gone). */
  update(key: string, expected: number, object: KubeObject): Promise<StoredObject | undefined>;
  /** The revision of the deletion, or undefined when the key is not at the expected revision. */
  delete(key: string, expected: number): Promise<number | undefined>;
  /** The newest revision of the database, linearizable: what a consistent read must have seen. */
  currentRevision(): Promise<number>;
  /** Changes below the prefix. Ends with CompactedError, StoreUnavailableError, or when the signal aborts. */
  watch(prefix: string, options: WatchOptions): AsyncIterable<WatchBatch>;
  /** Forgets states before the revision. */
  compact(revision: number): Promise<void>;
  close(): void;
}

/** The asked-for revision was compacted: clients list again (410 Expired). */
export class CompactedError extends Error {
  override readonly name = 'CompactedError';
}

/** The database does not answer. */
export class StoreUnavailableError extends Error {
  override readonly name = 'StoreUnavailableError';
}

/** The asked-for revision is newer than any. */
export class FutureRevisionError extends Error {
  override readonly name = 'FutureRevisionError';
}

/** etcd refuses the value for its size (--max-request-bytes). */
export class ValueTooLargeError extends Error {
  override readonly name = 'ValueTooLargeError';
}
