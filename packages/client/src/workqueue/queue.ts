import { isConflict } from '@kubelab/apimachinery';
import type { Logger } from '@kubelab/component-base';
import { type Clock, systemClock } from '../clock.js';
import { DelayHeap } from './delay-heap.js';
import { ExponentialFailureLimiter } from './rate-limiter.js';

/** An error that trying again can't mend: logged once, then the key is forgotten. */
export class TerminalError extends Error {
  override readonly name = 'TerminalError';
}

/** What a reconcile may answer: done, or look again later. An error means try again with back-off. */
export type ReconcileResult = { requeueAfterMs: number } | undefined;

export interface QueueRunOptions<K> {
  /** How many keys are worked on at once; the same key never twice. */
  workers: number;
  reconcile(key: K, signal: AbortSignal): Promise<ReconcileResult | void>;
  logger: Logger;
  signal: AbortSignal;
}

export interface WorkQueueOptions {
  /** Shown in log lines and given to the observer. */
  name?: string;
  clock?: Clock;
  /** Back-off after the first failure, doubling; default 5 ms. */
  baseDelayMs?: number;
  /** Longest back-off; default 1 000 000 ms. */
  maxDelayMs?: number;
  observer?: QueueObserver;
}

/** For metrics: told what happens, in milliseconds. */
export interface QueueObserver {
  added?(depth: number): void;
  started?(waitedMs: number, depth: number): void;
  finished?(workedMs: number): void;
  retried?(): void;
}

/**
 * client-go's rate limiting work queue: a key added several times before it is worked on is worked on once; a key
 * added while it is worked on is worked on again after; failures back off exponentially, each key for itself.
 */
export class WorkQueue<K extends string = string> {
  private queue: K[] = [];
  private head = 0;
  /** Waiting, or to be queued again when its work is done; with the time it was added. */
  private readonly dirty = new Map<K, number>();
  private readonly processing = new Set<K>();
  private readonly delayed = new DelayHeap<K>();
  private readonly limiter: ExponentialFailureLimiter<K>;
  private readonly clock: Clock;
  private readonly waiters: ((key: K | undefined) => void)[] = [];
  private cancelTimer: (() => void) | undefined;
  private timerDueMs = Number.POSITIVE_INFINITY;
  private closed = false;

  constructor(private readonly options: WorkQueueOptions = {}) {
    this.clock = options.clock ?? systemClock;
    this.limiter = new ExponentialFailureLimiter<K>(options.baseDelayMs, options.maxDelayMs);
  }

  /** Keys that wait to be worked on now. */
  get length(): number {
    return this.queue.length - this.head;
  }

  add(key: K): void {
    if (this.closed || this.dirty.has(key)) return;
    this.dirty.set(key, this.clock.now());
    if (!this.processing.has(key)) this.push(key);
    this.options.observer?.added?.(this.length);
  }

  /** Adds the key after a time; the earliest of several times counts. */
  addAfter(key: K, ms: number): void {
    if (this.closed) return;
    if (ms <= 0) {
      this.add(key);
      return;
    }
    this.delayed.add(key, this.clock.now() + ms);
    this.arm();
  }

  /** Counts a failure of the key and adds it after its back-off. */
  addRateLimited(key: K): void {
    this.options.observer?.retried?.();
    this.addAfter(key, this.limiter.when(key));
  }

  /** Ends the key's back-off: it did well, or is given up. */
  forget(key: K): void {
    this.limiter.forget(key);
  }

  retries(key: K): number {
    return this.limiter.retries(key);
  }

  /** The next key, when there is one; undefined after shutDown(). The key must be given back with done(). */
  get(): Promise<K | undefined> {
    const key = this.take();
    if (key !== undefined || this.closed) return Promise.resolve(key);
    return new Promise((resolve) => this.waiters.push(resolve));
  }

  /** Ends work on a key; if it was added meanwhile it is queued again. */
  done(key: K): void {
    this.processing.delete(key);
    if (this.dirty.has(key)) this.push(key);
  }

  /** Drops what waits; get() answers undefined from now on. */
  shutDown(): void {
    this.closed = true;
    this.cancelTimer?.();
    this.queue = [];
    this.head = 0;
    this.dirty.clear();
    for (const waiter of this.waiters.splice(0)) waiter(undefined);
  }

  /** Works on keys until the signal aborts; resolves when the work in progress has ended. */
  async run(o: QueueRunOptions<K>): Promise<void> {
    const stop = (): void => this.shutDown();
    if (o.signal.aborted) stop();
    o.signal.addEventListener('abort', stop, { once: true });
    await Promise.all(Array.from({ length: o.workers }, () => this.work(o)));
    o.signal.removeEventListener('abort', stop);
  }

  private async work(o: QueueRunOptions<K>): Promise<void> {
    for (let key = await this.get(); key !== undefined; key = await this.get()) {
      const startedAt = this.clock.now();
      try {
        const result = await o.reconcile(key, o.signal);
        this.forget(key);
        if (result) this.addAfter(key, result.requeueAfterMs);
      } catch (error) {
        this.failed(key, error, o);
      } finally {
        this.done(key);
        this.options.observer?.finished?.(this.clock.now() - startedAt);
      }
    }
  }

  private failed(key: K, error: unknown, o: QueueRunOptions<K>): void {
    if (o.signal.aborted) return;
    const fields = { queue: this.options.name, key, error };
    if (error instanceof TerminalError) {
      this.forget(key);
      o.logger.error('Reconcile failed for good', fields);
      return;
    }
    // Conflicts are how optimistic locking works; the next try reads the newer object.
    if (isConflict(error)) o.logger.debug('Reconcile met a conflict, will retry', fields);
    else o.logger.warn('Reconcile failed, will retry', { ...fields, retries: this.retries(key) });
    this.addRateLimited(key);
  }

  private push(key: K): void {
    const waiter = this.waiters.shift();
    this.queue.push(key);
    if (waiter) waiter(this.take());
  }

  private take(): K | undefined {
    const key = this.queue[this.head];
    if (key === undefined) return undefined;
    this.head++;
    if (this.head > 1024 && this.head * 2 > this.queue.length) {
      this.queue = this.queue.slice(this.head);
      this.head = 0;
    }
    const addedAt = this.dirty.get(key);
    this.dirty.delete(key);
    this.processing.add(key);
    this.options.observer?.started?.(this.clock.now() - (addedAt ?? this.clock.now()), this.length);
    return key;
  }

  /** One timer, for the key that is due first. */
  private arm(): void {
    const dueMs = this.delayed.peekMs();
    if (dueMs === undefined || dueMs >= this.timerDueMs) return;
    this.cancelTimer?.();
    this.timerDueMs = dueMs;
    this.cancelTimer = this.clock.after(dueMs - this.clock.now(), () => {
      this.timerDueMs = Number.POSITIVE_INFINITY;
      const now = this.clock.now();
      for (let key = this.delayed.popDue(now); key !== undefined; key = this.delayed.popDue(now)) this.add(key);
      this.arm();
    });
  }
}
