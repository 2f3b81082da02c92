import { objectKey } from '@kubelab/apimachinery';
import type { Logger } from '@kubelab/component-base';
import { delay } from '../clock.js';
import type { ApiObject, ResourceClient, WatchEvent } from '../types.js';
import { Reflector } from './reflector.js';
import { type IndexFunction, type Lister, Store } from './store.js';

/** What a consumer wants to be told. Handlers run in order, one event at a time, and must not change the objects. */
export interface EventHandler<T> {
  add?(object: T, isInInitialList: boolean): void;
  update?(old: T, now: T): void;
  /** The object is the last state seen: the deletion itself may have been missed while the watch was away. */
  delete?(object: T): void;
}

export interface InformerOptions<T> {
  namespace?: string;
  labelSelector?: string;
  fieldSelector?: string;
  indexers?: Record<string, IndexFunction<T>>;
  /** Calls update(o, o) for every object this often; 0 or absent for never. */
  resyncMs?: number;
  /** Drops or replaces what is not needed, to save memory, before an object is stored. */
  transform?(object: T): T;
  logger?: Logger;
  /** Shown in log lines: `pods`. */
  name?: string;
}

/** A cache of a collection that tells its handlers of each change. */
export interface Informer<T> {
  /** Objects that are there already are told to a new handler as adds of the initial list. */
  addEventHandler(handler: EventHandler<T>): void;
  readonly lister: Lister<T>;
  /** Whether the first list is in the cache and was told to the handlers. */
  hasSynced(): boolean;
  addIndexer(name: string, fn: IndexFunction<T>): void;
  /** Resolves when hasSynced() turns true; also when the signal aborts (then hasSynced() may be false). */
  waitForSync(signal?: AbortSignal): Promise<void>;
}

/** The informer itself; several consumers share one. */
export class SharedInformer<T extends ApiObject> implements Informer<T> {
  private readonly store = new Store<T>();
  private readonly handlers: EventHandler<T>[] = [];
  private readonly syncWaiters = new Set<() => void>();
  private synced = false;
  private lastVersion = '';

  constructor(
    private readonly client: ResourceClient<T>,
    private readonly options: InformerOptions<T> = {},
  ) {
    for (const [name, fn] of Object.entries(options.indexers ?? {})) this.store.addIndex(name, fn);
  }

  get lister(): Lister<T> {
    return this.store;
  }

  /** Version of the last list or event applied. */
  get resourceVersion(): string {
    return this.lastVersion;
  }

  hasSynced(): boolean {
    return this.synced;
  }

  addIndexer(name: string, fn: IndexFunction<T>): void {
    this.store.addIndex(name, fn);
  }

  addEventHandler(handler: EventHandler<T>): void {
    this.handlers.push(handler);
    for (const object of this.store.list()) this.guard(() => handler.add?.(object, true));
  }

  waitForSync(signal?: AbortSignal): Promise<void> {
    if (this.synced || signal?.aborted) return Promise.resolve();
    return new Promise((resolve) => {
      const done = (): void => {
        this.syncWaiters.delete(done);
        signal?.removeEventListener('abort', done);
        resolve();
      };
      this.syncWaiters.add(done);
      signal?.addEventListener('abort', done, { once: true });
    });
  }

  /** Lists and watches until the signal aborts. */
  async run(signal: AbortSignal): Promise<void> {
    const { options } = this;
    const scoped = options.namespace ? this.client.namespace(options.namespace) : this.client;
    const reflector = new Reflector<T>(
      scoped,
      { replace: (items, version) => this.replace(items, version), apply: (events) => this.apply(events) },
      {
        name: options.name ?? 'objects',
        labelSelector: options.labelSelector,
        fieldSelector: options.fieldSelector,
        logger: options.logger,
      },
    );
    await Promise.all([reflector.run(signal), this.resync(signal)]);
  }

  /** A list: tells exactly what differs from the cache. */
  private replace(items: T[], version: string): void {
    const gone = new Set(this.store.keys());
    const initial = !this.synced;
    for (const raw of items) {
      const object = this.transform(raw);
      gone.delete(objectKey(object));
      this.upsert(object, initial);
    }
    for (const key of gone) this.remove(key);
    this.lastVersion = version;
    if (initial) {
      this.synced = true;
      for (const waiter of [...this.syncWaiters]) waiter();
    }
  }

  private apply(events: WatchEvent<T>[]): void {
    for (const event of events) {
      if (event.type === 'DELETED') {
        const last = this.transform(event.object);
        this.remove(objectKey(last), last);
      } else {
        this.upsert(this.transform(event.object), false);
      }
    }
    this.lastVersion = events[events.length - 1]?.object.metadata?.resourceVersion ?? this.lastVersion;
  }

  private upsert(object: T, initial: boolean): void {
    const old = this.store.set(object);
    if (!old) {
      this.tell((h) => h.add?.(object, initial));
    } else if (old.metadata?.uid !== object.metadata?.uid) {
      // Deleted and made again while the watch was away: two objects, though they share a key.
      this.tell((h) => h.delete?.(old));
      this.tell((h) => h.add?.(object, false));
    } else if (old.metadata?.resourceVersion !== object.metadata?.resourceVersion) {
      this.tell((h) => h.update?.(old, object));
    }
  }

  private remove(key: string, last?: T): void {
    const old = this.store.delete(key);
    if (old) this.tell((h) => h.delete?.(last ?? old));
  }

  private async resync(signal: AbortSignal): Promise<void> {
    const { resyncMs } = this.options;
    if (!resyncMs) return;
    while (!signal.aborted) {
      await delay(resyncMs, signal);
      if (signal.aborted) return;
      for (const object of this.store.list()) this.tell((h) => h.update?.(object, object));
    }
  }

  private transform(object: T): T {
    return this.options.transform ? this.options.transform(object) : object;
  }

  private tell(call: (handler: EventHandler<T>) => void): void {
    for (const handler of this.handlers) this.guard(() => call(handler));
  }

  /** A handler that throws must not keep the others, or the cache, from going on. */
  private guard(call: () => void): void {
    try {
      call();
    } catch (error) {
      if (!this.options.logger) throw error;
      this.options.logger.error('Event handler failed', { resource: this.options.name, error });
    }
  }
}
