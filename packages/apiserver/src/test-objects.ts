import {
  deepCopy,
  type GroupResource,
  type KubeObject,
  newAlreadyExists,
  newConflict,
  newNotFound,
} from '@kubelab/apimachinery';
import type { ObjectAccess, ObjectObserver } from './object-access.js';

/** ObjectAccess in memory, for unit tests. */
export class MemoryObjects implements ObjectAccess {
  private readonly store = new Map<string, Map<string, KubeObject>>();
  private readonly observers = new Map<string, Set<ObjectObserver>>();
  private revision = 0;

  private of(r: GroupResource): Map<string, KubeObject> {
    const key = `${r.group}/${r.resource}`;
    let m = this.store.get(key);
    if (!m) {
      m = new Map();
      this.store.set(key, m);
    }
    return m;
  }
  private watchers(r: GroupResource): Set<ObjectObserver> {
    const key = `${r.group}/${r.resource}`;
    let s = this.observers.get(key);
    if (!s) {
      s = new Set();
      this.observers.set(key, s);
    }
    return s;
  }

  /** Puts an object in, new or not. */
  put(r: GroupResource, obj: Partial<KubeObject> & { metadata: KubeObject['metadata'] }): KubeObject {
    const key = `${obj.metadata.namespace ?? ''}/${obj.metadata.name}`;
    const old = this.of(r).get(key);
    const now = deepCopy({ apiVersion: 'v1', kind: '', ...obj }) as KubeObject;
    this.revision += 1;
    now.metadata.resourceVersion = String(this.revision);
    now.metadata.uid ??= `uid-${r.resource}-${now.metadata.name}`;
    this.of(r).set(key, now);
    for (const w of this.watchers(r)) {
      if (old) w.updated(old, now);
      else w.added(now);
    }
    return now;
  }

  async get(r: GroupResource, namespace: string, name: string): Promise<KubeObject | undefined> {
    return this.of(r).get(`${namespace}/${name}`);
  }
  async list(r: GroupResource, namespace: string): Promise<KubeObject[]> {
    return [...this.of(r).values()].filter((o) => namespace === '' || o.metadata.namespace === namespace);
  }
  async create(r: GroupResource, obj: KubeObject): Promise<KubeObject> {
    if (this.of(r).has(`${obj.metadata.namespace ?? ''}/${obj.metadata.name}`))
      throw newAlreadyExists(r, obj.metadata.name ?? '');
    return this.put(r, obj);
  }
  async update(r: GroupResource, obj: KubeObject): Promise<KubeObject> {
    const old = await this.get(r, obj.metadata.namespace ?? '', obj.metadata.name ?? '');
    if (!old) throw newNotFound(r, obj.metadata.name ?? '');
    if (old.metadata.resourceVersion !== obj.metadata.resourceVersion)
      throw newConflict(r, obj.metadata.name ?? '', 'changed');
    return this.put(r, obj);
  }
  async delete(r: GroupResource, namespace: string, name: string): Promise<void> {
    const old = this.of(r).get(`${namespace}/${name}`);
    if (!old) throw newNotFound(r, name);
    this.of(r).delete(`${namespace}/${name}`);
    for (const w of this.watchers(r)) w.deleted(old);
  }
  async observe(r: GroupResource, observer: ObjectObserver): Promise<() => void> {
    for (const o of this.of(r).values()) observer.added(o);
    this.watchers(r).add(observer);
    return () => this.watchers(r).delete(observer);
  }
}
