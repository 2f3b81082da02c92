import { CompactedError, type StoredObject } from './store.js';
import { CacheItem } from './stored-item.js';

/** A change: an object came (no previous), changed, or went (no current; the revision is the deletion's). */
export class CacheEvent {
  constructor(
    readonly revision: number,
    readonly current: CacheItem | undefined,
    readonly previous: CacheItem | undefined,
  ) {}
}

export type CacheListener = (event: CacheEvent) => void;

/** Changes are kept for as long as a client's watch may be cut, as Kubernetes' watch cache does ... */
const freshMs = 75_000;
/** ... but never fewer than this, so that quiet resources do not expire, and never more, so that memory is bounded. */
const ringLimits = { least: 100, most: 20_000 };

/**
 * The objects below one prefix, sorted by key, with the latest changes. It is changed only by its WatchCache, in the
 * order of revisions.
 */
export class ResourceCache {
  private readonly items = new Map<string, CacheItem>();
  private readonly keys: string[] = [];
  private ring: { event: CacheEvent; at: number }[] = [];
  /** Where the kept changes begin in the ring; what is before is cut off in one go from time to time. */
  private head = 0;
  private readonly listeners = new Set<CacheListener>();

  /**
   * @param completeSince changes after this revision are all in the ring, or were at some time
   * @param limits how many changes are kept for watches that start in the past
   */
  constructor(
    private completeSince: number,
    private readonly limits = ringLimits,
  ) {}

  get(key: string): CacheItem | undefined {
    return this.items.get(key);
  }

  get size(): number {
    return this.items.size;
  }

  /** The objects whose keys begin with the prefix, in the order of keys. */
  list(prefix: string): CacheItem[] {
    const result: CacheItem[] = [];
    for (let i = this.lowerBound(prefix); i < this.keys.length; i++) {
      const key = this.keys[i] as string;
      if (!key.startsWith(prefix)) {
        break;
      }
      result.push(this.items.get(key) as CacheItem);
    }
    return result;
  }

  /**
   * The changes after a revision that are kept. Throws CompactedError when some of them are not kept any more.
   */
  eventsSince(revision: number): CacheEvent[] {
    if (revision < this.completeSince) {
      throw new CompactedError(`too old resource version: ${revision} (${this.completeSince})`);
    }
    let low = this.head;
    let high = this.ring.length;
    while (low < high) {
      const middle = (low + high) >> 1;
      if ((this.ring[middle] as { event: CacheEvent }).event.revision <= revision) {
        low = middle + 1;
      } else {
        high = middle;
      }
    }
    return this.ring.slice(low).map((entry) => entry.event);
  }

  /** Tells a listener of every change from now on; returns how to end it. */
  subscribe(listener: CacheListener): () => void {
    this.listeners.add(listener);
    return () => this.listeners.delete(listener);
  }

  /** Takes a put. Only for WatchCache. */
  put(stored: StoredObject): void {
    const item = stored instanceof CacheItem ? stored : new CacheItem(stored.key, stored.revision, stored.object);
    const previous = this.items.get(item.key);
    this.items.set(item.key, item);
    if (!previous) {
      this.keys.splice(this.lowerBound(item.key), 0, item.key);
    }
    this.publish(new CacheEvent(item.revision, item, previous));
  }

  /** Takes a deletion. Only for WatchCache. */
  remove(key: string, revision: number): void {
    const previous = this.items.get(key);
    if (!previous) {
      return;
    }
    this.items.delete(key);
    this.keys.splice(this.lowerBound(key), 1);
    this.publish(new CacheEvent(revision, undefined, previous));
  }

  /** Nothing before the revision is known any more: watches that start earlier get 410. Only for WatchCache. */
  forget(revision: number): void {
    this.ring = [];
    this.head = 0;
    this.completeSince = revision;
  }

  private publish(event: CacheEvent): void {
    const now = Date.now();
    this.ring.push({ event, at: now });
    this.dropOld(now);
    for (const listener of this.listeners) {
      listener(event);
    }
  }

  private dropOld(now: number): void {
    while (this.ring.length - this.head > this.limits.least) {
      const oldest = this.ring[this.head] as { event: CacheEvent; at: number };
      if (now - oldest.at < freshMs && this.ring.length - this.head <= this.limits.most) {
        break;
      }
      this.completeSince = oldest.event.revision;
      this.head++;
    }
    if (this.head > 1024 && this.head > this.ring.length / 2) {
      this.ring = this.ring.slice(this.head);
      this.head = 0;
    }
  }

  private lowerBound(key: string): number {
    let low = 0;
    let high = this.keys.length;
    while (low < high) {
      const middle = (low + high) >> 1;
      if ((this.keys[middle] as string) < key) {
        low = middle + 1;
      } else {
        high = middle;
      }
    }
    return low;
  }
}
