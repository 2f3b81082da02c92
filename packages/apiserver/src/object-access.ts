import type { GroupResource, KubeObject } from '@kubelab/apimachinery';

/** What an observer of a resource is told; the objects are shared and must not be changed. */
export interface ObjectObserver {
  added(obj: KubeObject): void;
  updated(old: KubeObject | undefined, now: KubeObject): void;
  deleted(obj: KubeObject): void;
}

/**
 * How authentication, authorization and admission read and write objects inside the server, without authorization
 * or admission of their own. Objects are in the storage version. Read objects are shared: copy before changing.
 * `namespace` is empty for what has none.
 */
export interface ObjectAccess {
  /** The object from the watch cache (it may be some milliseconds old); `consistent` reads the newest from etcd. */
  get(
    resource: GroupResource,
    namespace: string,
    name: string,
    o?: { consistent?: boolean },
  ): Promise<KubeObject | undefined>;
  /** All objects of a namespace, or of all namespaces when it is empty. */
  list(resource: GroupResource, namespace: string, o?: { consistent?: boolean }): Promise<KubeObject[]>;
  /** @throws StatusError AlreadyExists */
  create(resource: GroupResource, obj: KubeObject): Promise<KubeObject>;
  /** Compare-and-swap on metadata.resourceVersion. @throws StatusError Conflict, NotFound */
  update(resource: GroupResource, obj: KubeObject): Promise<KubeObject>;
  /** @throws StatusError NotFound */
  delete(resource: GroupResource, namespace: string, name: string): Promise<void>;
  /**
   * Tells the observer of every object (those that exist now first, as `added`) and every change, in order.
   * Resolves when the existing ones have been told. The returned function ends it.
   */
  observe(resource: GroupResource, observer: ObjectObserver): Promise<() => void>;
}
