import type { ApiObject, EventHandler, IndexFunction, Informer, Lister } from '@kubelab/client';
import { Store } from '@kubelab/client';

/** An informer whose objects the test sets. */
export class FakeInformer<T extends ApiObject> implements Informer<T> {
  private readonly store = new Store<T>();
  private readonly handlers: EventHandler<T>[] = [];

  constructor(...objects: T[]) {
    for (const o of objects) this.store.set(o);
  }

  get lister(): Lister<T> {
    return this.store;
  }

  /** Adds or replaces an object and tells the handlers. */
  set(object: T): void {
    const old = this.store.set(object);
    for (const h of this.handlers) old ? h.update?.(old, object) : h.add?.(object, false);
  }

  remove(key: string): void {
    const old = this.store.delete(key);
    if (old) for (const h of this.handlers) h.delete?.(old);
  }

  addEventHandler(handler: EventHandler<T>): void {
    this.handlers.push(handler);
    for (const o of this.store.list()) handler.add?.(o, true);
  }

  addIndexer(name: string, fn: IndexFunction<T>): void {
    this.store.addIndex(name, fn);
  }

  hasSynced(): boolean {
    return true;
  }

  waitForSync(): Promise<void> {
    return Promise.resolve();
  }
}
