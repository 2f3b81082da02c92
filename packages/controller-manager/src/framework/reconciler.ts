import { delay, type Informer, type QueueObserver, WorkQueue } from '@kubelab/client';
import type { Logger, Registry } from '@kubelab/component-base';
import type { Controller } from './controller.js';
import { queueMetrics } from './queue-metrics.js';

/** What a reconcile that did not fail asks for: nothing, or to be called again after a time. */
export type Outcome = undefined | { requeueAfterMs: number };

export interface ReconcilerOptions {
  name: string;
  logger: Logger;
  workers: number;
  /** Brings the object named by `key` to its desired state. Throws to be retried with back-off. */
  reconcile(key: string, signal: AbortSignal): Promise<Outcome> | Promise<void>;
  /** Called once, after the caches are filled and before the workers start. */
  onStart?(signal: AbortSignal): void;
}

/** What the reconciler needs to know of an informer's type. */
export type AnyInformer = Pick<Informer<never>, 'waitForSync'>;

/**
 * A work queue, the informers that feed it and the function that empties it: the one shape of all controllers.
 * Informers only say which key to look at; what to do is decided from the caches when the key's turn comes.
 */
export class Reconciler implements Controller {
  readonly queue: WorkQueue<string>;
  private metrics: QueueObserver | undefined;
  private readonly inputs = new Set<AnyInformer>();

  constructor(private readonly options: ReconcilerOptions) {
    const observer: QueueObserver = {
      added: (depth) => this.metrics?.added?.(depth),
      started: (waitedMs, depth) => this.metrics?.started?.(waitedMs, depth),
      finished: (workedMs) => this.metrics?.finished?.(workedMs),
      retried: () => this.metrics?.retried?.(),
    };
    this.queue = new WorkQueue<string>({ name: options.name, observer });
  }

  /** Reports the queue's numbers to a registry from now on. */
  attachMetrics(registry: Registry): void {
    this.metrics = queueMetrics(registry, this.options.name);
  }

  /** Queues `keys(object)` (and `keys(old)`) at each event of the informer. */
  watch<T>(informer: Informer<T>, keys: (object: T, old?: T) => Iterable<string | undefined>): this {
    this.inputs.add(informer);
    const enqueue = (object: T, old?: T): void => {
      for (const key of keys(object, old)) if (key !== undefined) this.queue.add(key);
    };
    informer.addEventHandler({
      add: (object) => enqueue(object),
      update: (old, now) => {
        enqueue(now, old);
      },
      delete: (object) => enqueue(object),
    });
    return this;
  }

  /** Names caches that must be filled before the first reconcile but queue nothing. */
  needs(...informers: AnyInformer[]): this {
    for (const informer of informers) this.inputs.add(informer);
    return this;
  }

  async run(signal: AbortSignal): Promise<void> {
    await waitForSync(this.inputs, signal);
    if (signal.aborted) return;
    this.options.onStart?.(signal);
    const { logger, workers, reconcile } = this.options;
    await this.queue.run({ workers, reconcile: (key, s) => reconcile(key, s) as Promise<Outcome>, logger, signal });
  }
}

/** Resolves when all informers have their first list, or at once when `signal` aborts. */
export async function waitForSync(informers: Iterable<AnyInformer>, signal: AbortSignal): Promise<void> {
  await Promise.all([...informers].map((informer) => informer.waitForSync(signal)));
}

/** Calls `task` at once and then `periodMs` after each end, until `signal` aborts; errors are logged. */
export async function everyPeriod(
  periodMs: number,
  signal: AbortSignal,
  logger: Logger,
  task: () => Promise<void>,
): Promise<void> {
  while (!signal.aborted) {
    try {
      await task();
    } catch (error) {
      if (!signal.aborted) logger.warn('Periodic task failed', { error });
    }
    await delay(periodMs, signal);
  }
}
