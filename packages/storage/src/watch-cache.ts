import { setTimeout as delay } from 'node:timers/promises';
import { ResourceCache } from './resource-cache.js';
import { CompactedError, type Store, type StoredObject, StoreUnavailableError, type WatchBatch } from './store.js';

/** What the cache tells its owner's log. */
export interface WatchCacheLog {
  warn(message: string, fields?: Record<string, unknown>): void;
}

const pageSize = 1000;
const retryMs = { first: 50, most: 1000 };
/** etcd never sends a single response that is empty of progress for longer: then the stream is taken for dead. */
const freshTimeoutMs = 3_000;

/**
 * All objects of the store in memory, kept up to date by one watch of the whole prefix. Since every write is below the
 * prefix, the revision of any write is reached by the watch itself: a reader that must see it waits for that, and no
 * progress requests are needed. Objects are grouped by resource prefix, see prefixOf.
 */
export class WatchCache {
  private readonly caches = new Map<string, ResourceCache>();
  private seenRevision = 0;
  private waiters: { revision: number; resolve(): void }[] = [];
  private readonly stopping = new AbortController();
  private running: Promise<void> | undefined;
  private loaded = false;

  constructor(
    private readonly store: Store,
    private readonly log: WatchCacheLog,
  ) {}

  /** Loads everything and follows; resolves when loaded. Retries until the store answers or stop() is called. */
  async start(): Promise<void> {
    await this.retrying('Cannot load the objects', () => this.load());
    this.running = this.follow();
  }

  async stop(): Promise<void> {
    this.stopping.abort();
    await this.running;
  }

  /** The revision up to which the cache is complete. */
  get revision(): number {
    return this.seenRevision;
  }

  /** Whether everything was loaded. */
  get ready(): boolean {
    return this.loaded;
  }

  /** The cache of a resource by its storage prefix (`pods`, `services/specs`). */
  resource(prefix: string): ResourceCache {
    let cache = this.caches.get(prefix);
    if (!cache) {
      cache = new ResourceCache(this.seenRevision);
      this.caches.set(prefix, cache);
    }
    return cache;
  }

  /**
   * Resolves when the cache has seen the revision; to false when it has not within the time.
   */
  waitFor(revision: number, timeoutMs = freshTimeoutMs): Promise<boolean> {
    if (this.seenRevision >= revision) {
      return Promise.resolve(true);
    }
    return new Promise((resolve) => {
      const timer = setTimeout(() => {
        this.waiters = this.waiters.filter((waiter) => waiter.resolve !== done);
        resolve(false);
      }, timeoutMs);
      const done = () => {
        clearTimeout(timer);
        resolve(true);
      };
      this.waiters.push({ revision, resolve: done });
    });
  }

  /** Resolves when the cache has seen all that was written before this call; rejects when it cannot know. */
  async waitUntilCurrent(): Promise<void> {
    const revision = await this.store.currentRevision();
    if (!(await this.waitFor(revision))) {
      throw new StoreUnavailableError(`the watch cache is behind revision ${revision}`);
    }
  }

  private async load(): Promise<void> {
    const found = new Map<string, StoredObject>();
    let revision: number | undefined;
    let from = '';
    for (;;) {
      const page = await this.store.list('', { from, limit: pageSize, revision });
      revision = page.revision;
      for (const item of page.items) {
        found.set(item.key, item);
      }
      if (!page.more) {
        break;
      }
      from = `${page.items.at(-1)?.key}\0`;
    }
    this.merge(found, revision);
    this.loaded = true;
  }

  /** Makes the cache what was listed, as the changes that lead there: watchers that stayed connected see them. */
  private merge(found: Map<string, StoredObject>, revision: number): void {
    if (!this.loaded) {
      // What was before the first load is not known: watches cannot start there.
      this.seenRevision = revision;
    }
    const changed = [...found.values()].filter(
      (item) => this.caches.get(prefixOf(item.key))?.get(item.key)?.revision !== item.revision,
    );
    for (const item of changed.sort((a, b) => a.revision - b.revision)) {
      const cache = this.resource(prefixOf(item.key));
      const known = cache.get(item.key);
      if (known && uidOf(known) !== uidOf(item)) {
        // Deleted and made again while the cache was away: two objects, not a change of one.
        cache.remove(item.key, item.revision);
      }
      cache.put(item);
    }
    for (const [prefix, cache] of this.caches) {
      for (const item of cache.list(`${prefix}/`)) {
        if (!found.has(item.key)) {
          cache.remove(item.key, revision);
        }
      }
      cache.forget(revision);
    }
    this.advance(revision);
  }

  private async follow(): Promise<void> {
    await this.retrying('The watch of etcd was cut', async () => {
      const watching = this.store.watch('', { fromRevision: this.seenRevision + 1, signal: this.stopping.signal });
      try {
        for await (const batch of watching) {
          this.apply(batch);
        }
      } catch (error) {
        if (error instanceof CompactedError) {
          this.log.warn('The watch of etcd was away for too long, listing again', { error });
          await this.load();
        }
        throw error;
      }
    });
  }

  private apply(batch: WatchBatch): void {
    for (const event of batch.events) {
      // A stream that was cut may repeat what was seen.
      if (event.revision <= this.seenRevision) {
        continue;
      }
      const cache = this.resource(prefixOf(event.key));
      if (event.item) {
        cache.put(event.item);
      } else {
        cache.remove(event.key, event.revision);
      }
    }
    this.advance(batch.revision);
  }

  private advance(revision: number): void {
    if (revision <= this.seenRevision && this.waiters.length === 0) {
      return;
    }
    this.seenRevision = Math.max(this.seenRevision, revision);
    const ready = this.waiters.filter((waiter) => waiter.revision <= this.seenRevision);
    if (ready.length > 0) {
      this.waiters = this.waiters.filter((waiter) => waiter.revision > this.seenRevision);
      for (const waiter of ready) {
        waiter.resolve();
      }
    }
  }

  private async retrying(message: string, work: () => Promise<void>): Promise<void> {
    let waitMs = retryMs.first;
    while (!this.stopping.signal.aborted) {
      const before = this.seenRevision;
      try {
        await work();
        return;
      } catch (error) {
        if (this.stopping.signal.aborted) {
          return;
        }
        waitMs = this.seenRevision > before ? retryMs.first : Math.min(waitMs * 2, retryMs.most);
        this.log.warn(message, { error, retryInMs: waitMs });
      }
      await delay(waitMs, undefined, { signal: this.stopping.signal }).catch(() => undefined);
    }
  }
}

function uidOf(item: StoredObject): string | undefined {
  try {
    return item.object.metadata.uid;
  } catch {
    // It can't be read (decryption): its identity is unknown, and it is taken for the same object.
    return undefined;
  }
}

/**
 * The resource prefix of a key: two segments for API groups that are part of the path (`stable.example.com/crontabs`)
 * and for Services (`services/specs`, `services/endpoints`), else one (`pods`), as Kubernetes lays its keys out.
 */
export function prefixOf(key: string): string {
  const first = key.indexOf('/');
  const head = first < 0 ? key : key.slice(0, first);
  if (head !== 'services' && !head.includes('.')) {
    return head;
  }
  const second = key.indexOf('/', first + 1);
  return second < 0 ? key : key.slice(0, second);
}
