import { setTimeout as delay } from 'node:timers/promises';
import type { EtcdStore } from './etcd-store.js';
import { CompactedError } from './store.js';
import type { WatchCacheLog } from './watch-cache.js';

/**
 * Lets etcd forget old states: every interval, all that is older than one interval (Kubernetes'
 * --etcd-compaction-interval). Any number of servers may do so; compacting twice is harmless.
 */
export class Compactor {
  private readonly stopping = new AbortController();

  constructor(
    private readonly store: Pick<EtcdStore, 'currentRevision' | 'compact'>,
    private readonly intervalMs: number,
    private readonly log: WatchCacheLog,
  ) {}

  /** Runs until stop(). */
  async run(): Promise<void> {
    let previous: number | undefined;
    while (!this.stopping.signal.aborted) {
      try {
        const now = await this.store.currentRevision();
        if (previous !== undefined && previous > 1) {
          await this.store.compact(previous);
        }
        previous = now;
      } catch (error) {
        // Another server was there first: as good.
        if (error instanceof CompactedError) {
          previous = undefined;
        } else {
          this.log.warn('Cannot compact etcd', { error });
        }
      }
      await delay(this.intervalMs, undefined, { signal: this.stopping.signal, ref: false }).catch(() => undefined);
    }
  }

  stop(): void {
    this.stopping.abort();
  }
}
