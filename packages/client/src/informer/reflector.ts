import { isGone, isResourceExpired, isTooManyRequests, StatusError } from '@kubelab/apimachinery';
import type { Logger } from '@kubelab/component-base';
import { Backoff } from '../backoff.js';
import { delay } from '../clock.js';
import type { ApiObject, ListOptions, ResourceClient, WatchEvent } from '../types.js';

/** Where a reflector brings what it sees: a list replaces everything, events change single objects. */
export interface ReflectorSink<T> {
  replace(items: T[], resourceVersion: string): void;
  apply(events: WatchEvent<T>[]): void;
}

export interface ReflectorOptions {
  labelSelector?: string;
  fieldSelector?: string;
  logger?: Logger;
  /** Shown in log lines: `pods`. */
  name: string;
}

/** Page size of consistent lists; lists from the watch cache (resourceVersion 0) come in one piece. */
const pageSize = 500;
/** Watches end after this time up to twice it, at random, so that watchers spread over several API servers. */
const minWatchSeconds = 300;
/** A watch whose server is silently gone is given up this long after it should have ended. */
const watchGraceMs = 30_000;

/**
 * Keeps a sink equal to a collection: list, then watch from the list's version, for ever. A broken or ended watch goes
 * on from the last version seen; an expired version (410) leads to a new list; a server that is away is tried again
 * with back-off for as long as it takes.
 */
export class Reflector<T extends ApiObject> {
  /** Last version seen; empty before the first list. */
  private version = '';
  /** After a 410 the list must be consistent: the cache's version may be the expired one. */
  private consistentList = false;
  private readonly backoff = new Backoff({ initialMs: 200, capMs: 5_000, factor: 2, jitter: 0.5 });

  constructor(
    private readonly client: ResourceClient<T>,
    private readonly sink: ReflectorSink<T>,
    private readonly options: ReflectorOptions,
  ) {}

  /** Runs until the signal aborts. Never rejects for what a server does. */
  async run(signal: AbortSignal): Promise<void> {
    while (!signal.aborted) {
      if (!(await this.listOnce(signal))) continue;
      while (!signal.aborted && (await this.watchOnce(signal))) {
        // watchOnce says whether the watch can go on from where it was
      }
    }
  }

  private async listOnce(signal: AbortSignal): Promise<boolean> {
    try {
      const { items, version } = await this.list(signal);
      this.sink.replace(items, version);
      this.version = version;
      this.consistentList = false;
      this.backoff.reset();
      return true;
    } catch (error) {
      if (signal.aborted) return false;
      if (isResourceExpired(error) || isGone(error) || isTooLargeVersion(error)) this.consistentList = true;
      await this.pause('List failed, will retry', error, signal);
      return false;
    }
  }

  private async list(signal: AbortSignal): Promise<{ items: T[]; version: string }> {
    const { labelSelector, fieldSelector } = this.options;
    const first: ListOptions = this.consistentList ? { limit: pageSize } : { resourceVersion: this.version || '0' };
    const page = await this.client.list({ ...first, labelSelector, fieldSelector, signal });
    const items = page.items;
    let next = page.metadata.continue;
    while (next) {
      const more = await this.client.list({ limit: pageSize, continue: next, labelSelector, fieldSelector, signal });
      for (const item of more.items) items.push(item);
      next = more.metadata.continue;
    }
    return { items, version: page.metadata.resourceVersion };
  }

  /** One watch, to its end. Returns whether to watch again (else list again). */
  private async watchOnce(signal: AbortSignal): Promise<boolean> {
    const { labelSelector, fieldSelector } = this.options;
    const timeoutSeconds = Math.floor(minWatchSeconds * (1 + Math.random()));
    const overdue = new AbortController();
    const timer = setTimeout(() => overdue.abort(), timeoutSeconds * 1000 + watchGraceMs);
    const startedAt = Date.now();
    let received = 0;
    try {
      const stream = this.client.watchBatches({
        resourceVersion: this.version,
        allowWatchBookmarks: true,
        timeoutSeconds,
        labelSelector,
        fieldSelector,
        signal: AbortSignal.any([signal, overdue.signal]),
      });
      for await (const batch of stream) {
        if (signal.aborted) return false;
        received += batch.length;
        const version = batch[batch.length - 1]?.object.metadata?.resourceVersion;
        const changes = batch.some((e) => e.type === 'BOOKMARK') ? batch.filter((e) => e.type !== 'BOOKMARK') : batch;
        if (changes.length > 0) this.sink.apply(changes);
        if (version) this.version = version;
        this.backoff.reset();
      }
      if (received === 0 && Date.now() - startedAt < 1_000 && !signal.aborted) {
        await this.pause('Watch ended at once, will retry', undefined, signal);
      }
      return true;
    } catch (error) {
      if (signal.aborted) return false;
      return this.afterWatchError(error, signal);
    } finally {
      clearTimeout(timer);
    }
  }

  private async afterWatchError(error: unknown, signal: AbortSignal): Promise<boolean> {
    if (isResourceExpired(error) || isGone(error)) {
      this.options.logger?.debug('Watch expired, listing again', { resource: this.options.name });
      this.consistentList = true;
      return false;
    }
    await this.pause('Watch failed, will retry', error, signal);
    // Back-pressure and broken connections lose nothing: go on from the last version. Anything else the server says
    // about this watch (not found, forbidden) is met again, and shown, by a list.
    return !(error instanceof StatusError) || isTooManyRequests(error) || error.code >= 500;
  }

  private async pause(message: string, error: unknown, signal: AbortSignal): Promise<void> {
    const waitMs = Math.round(this.backoff.step());
    this.options.logger?.debug(message, { resource: this.options.name, error, waitMs });
    await delay(waitMs, signal);
  }
}

/** The server has not seen this version yet (it was restored, or it lags): a consistent list does not ask for one. */
function isTooLargeVersion(error: unknown): boolean {
  if (!(error instanceof StatusError)) return false;
  const causes = error.status.details?.causes ?? [];
  return causes.some((c) => c.reason === 'ResourceVersionTooLarge') || /Too large resource version/.test(error.message);
}
