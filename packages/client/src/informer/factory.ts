import { setMaxListeners } from 'node:events';
import type { KubeObject } from '@kubelab/apimachinery';
import type { Logger } from '@kubelab/component-base';
import { gvrText } from '../gvr.js';
import type { Client } from '../rest/client.js';
import type { ApiObject, Gvr } from '../types.js';
import { type Informer, type InformerOptions, SharedInformer } from './informer.js';

/** One informer for each resource and set of options, shared by all who ask for it. */
export class InformerFactory {
  // The type parameter differs by entry; `informer` gives each back with the type it was asked for.
  private readonly informers = new Map<string, SharedInformer<ApiObject>>();
  private signal: AbortSignal | undefined;
  private readonly running: Promise<void>[] = [];

  constructor(
    private readonly client: Client,
    private readonly options: { resyncMs?: number; logger?: Logger } = {},
  ) {}

  /**
   * The informer of a resource. Those asked for before start() are started by it, later ones at once. Indexers of all
   * who ask are added up.
   */
  informer<T extends ApiObject = KubeObject>(gvr: Gvr, options: InformerOptions<T> = {}): Informer<T> {
    const { namespace = '', labelSelector = '', fieldSelector = '' } = options;
    const key = [gvr.group, gvr.version, gvr.resource, namespace, labelSelector, fieldSelector].join('|');
    let informer = this.informers.get(key) as SharedInformer<T> | undefined;
    if (!informer) {
      informer = new SharedInformer<T>(this.client.resource<T>(gvr), {
        resyncMs: this.options.resyncMs,
        logger: this.options.logger,
        name: gvrText(gvr),
        ...options,
      });
      this.informers.set(key, informer as unknown as SharedInformer<ApiObject>);
      if (this.signal) this.running.push(informer.run(this.signal));
    } else {
      for (const [name, fn] of Object.entries(options.indexers ?? {})) informer.addIndexer(name, fn);
    }
    return informer;
  }

  /** Starts all informers; they stop when the signal aborts. Calling it again does nothing. */
  start(signal: AbortSignal): void {
    if (this.signal) return;
    this.signal = signal;
    // Each informer, and each request it makes, listens for the same signal: many listeners are no leak here.
    setMaxListeners(0, signal);
    for (const informer of this.informers.values()) this.running.push(informer.run(signal));
  }

  /** Resolves when every informer made so far has its first list. Rejects when the signal aborts before. */
  async waitForSync(signal?: AbortSignal): Promise<void> {
    await Promise.all([...this.informers.values()].map((informer) => informer.waitForSync(signal)));
    if (![...this.informers.values()].every((informer) => informer.hasSynced())) {
      throw new Error('stopped before the caches were filled', { cause: signal?.reason });
    }
  }

  /** Resolves when all informers have stopped, after the signal given to start() aborted. */
  async stopped(): Promise<void> {
    await Promise.all(this.running);
  }
}
