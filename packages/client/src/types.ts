import type { GroupVersionResource, KubeObject } from '@kubelab/apimachinery';

/** The parts of ObjectMeta the client itself reads. Generated models (`V1Pod`) and `KubeObject` both satisfy it. */
export interface ApiObjectMeta {
  name?: string;
  namespace?: string;
  uid?: string;
  resourceVersion?: string;
  generation?: number;
  creationTimestamp?: string | null;
  deletionTimestamp?: string;
  labels?: Record<string, string>;
  annotations?: Record<string, string>;
  finalizers?: string[];
}

/** Any API object: what resource clients, informers and listers accept as their type parameter. */
export interface ApiObject {
  apiVersion?: string;
  kind?: string;
  metadata?: ApiObjectMeta;
}

/** Group, version and plural resource name: the address of a collection. */
export type Gvr = GroupVersionResource;

/** metav1.GetOptions. */
export interface GetOptions {
  resourceVersion?: string;
  signal?: AbortSignal;
}

/** metav1.ListOptions for lists. */
export interface ListOptions {
  labelSelector?: string;
  fieldSelector?: string;
  limit?: number;
  continue?: string;
  resourceVersion?: string;
  resourceVersionMatch?: 'Exact' | 'NotOlderThan';
  signal?: AbortSignal;
}

/** A page of a collection. `apiVersion` and `kind` are filled in on every item, which servers leave out. */
export interface ApiList<T> {
  apiVersion?: string;
  kind?: string;
  metadata: { resourceVersion: string; continue?: string; remainingItemCount?: number };
  items: T[];
}

/** metav1.ListOptions for watches. */
export interface WatchOptions {
  resourceVersion?: string;
  resourceVersionMatch?: 'NotOlderThan';
  sendInitialEvents?: boolean;
  labelSelector?: string;
  fieldSelector?: string;
  allowWatchBookmarks?: boolean;
  /** The server ends the watch after this time. */
  timeoutSeconds?: number;
  signal: AbortSignal;
}

/** An event of a watch. ERROR events do not appear: they are thrown as StatusError. */
export interface WatchEvent<T> {
  type: 'ADDED' | 'MODIFIED' | 'DELETED' | 'BOOKMARK';
  object: T;
}

/** Options of create and update calls. */
export interface WriteOptions {
  fieldManager?: string;
  dryRun?: boolean;
  fieldValidation?: 'Ignore' | 'Warn' | 'Strict';
  signal?: AbortSignal;
}

/** metav1.DeleteOptions. */
export interface DeleteOptions {
  gracePeriodSeconds?: number;
  propagationPolicy?: 'Orphan' | 'Background' | 'Foreground';
  preconditions?: { uid?: string; resourceVersion?: string };
  dryRun?: boolean;
  signal?: AbortSignal;
}

export type PatchType = 'merge' | 'json' | 'strategic' | 'apply';

/** Options of a patch; `force` only with type `apply`, where `fieldManager` is required. */
export interface PatchOptions extends WriteOptions {
  type: PatchType;
  subresource?: string;
  force?: boolean;
}

/** Client of one resource; `namespace()` narrows it to a namespace. All methods throw StatusError for API errors. */
export interface ResourceClient<T extends ApiObject = KubeObject> {
  /** The same resource in one namespace. */
  namespace(namespace: string): ResourceClient<T>;
  get(name: string, options?: GetOptions): Promise<T>;
  list(options?: ListOptions): Promise<ApiList<T>>;
  /** Ends when the server ends the stream or `signal` aborts; throws StatusError for an ERROR event (410 Expired). */
  watch(options: WatchOptions): AsyncIterable<WatchEvent<T>>;
  /** Like watch, but yields all events that arrived together at once: for consumers of many events. */
  watchBatches(options: WatchOptions): AsyncIterable<WatchEvent<T>[]>;
  create(object: T, options?: WriteOptions): Promise<T>;
  /** PUT; the object's resourceVersion, if set, must be the current one (409 Conflict otherwise). */
  update(object: T, options?: WriteOptions): Promise<T>;
  /** PUT of the status subresource. */
  updateStatus(object: T, options?: WriteOptions): Promise<T>;
  patch(name: string, body: unknown, options: PatchOptions): Promise<T>;
  /** Resolves with the object when it still exists (finalizers, graceful deletion), else with a Status. */
  delete(name: string, options?: DeleteOptions): Promise<T | KubeObject>;
  deleteCollection(options?: DeleteOptions, listOptions?: ListOptions): Promise<void>;
  /** Any call on a subresource, for example `subresource('web-1', 'binding', 'POST', binding)`. */
  subresource<R = KubeObject>(
    name: string,
    subresource: string,
    method: 'GET' | 'POST' | 'PUT' | 'DELETE',
    body?: unknown,
  ): Promise<R>;
}
