import { isAlreadyExists, isNotFound, nowSecond, StatusError } from '@kubelab/apimachinery';
import type { Logger } from '@kubelab/component-base';
import { Backoff } from '../backoff.js';
import { delay, systemClock } from '../clock.js';
import { gvr } from '../gvr.js';
import type { Client } from '../rest/client.js';
import type { ApiObject } from '../types.js';
import { type Correlated, EventCorrelator } from './correlator.js';
import { aggregateKey, type Event, type ObjectReference } from './event.js';

export interface EventRecorderOptions {
  /** Shown by kubectl describe under From: `default-scheduler`, `kubelet`. */
  component: string;
  /** The node, for kubelets. */
  host?: string;
  logger?: Logger;
  /** Events waiting beyond this are dropped; default 1 000 as in client-go, per writer. */
  queueLength?: number;
  /** Events written at once; events about the same object and reason stay in order. Default 1. */
  writers?: number;
}

const maxTries = 12;

/**
 * Writes core/v1 events in the background, correlated as client-go does (counts, combined similar events, a limit an
 * object). An event is best effort: event() never throws and never waits.
 */
export class EventRecorder {
  private readonly correlator = new EventCorrelator(systemClock);
  private readonly queues: Event[][];
  private readonly busy: (Promise<void> | undefined)[];
  private readonly stopping = new AbortController();
  private lastNano = 0n;
  private dropped = 0;

  constructor(
    private readonly client: Client,
    private readonly options: EventRecorderOptions,
  ) {
    const writers = options.writers ?? 1;
    this.queues = Array.from({ length: writers }, () => []);
    this.busy = new Array<undefined>(writers).fill(undefined);
  }

  /** Records that something happened to an object. `ref` is the object, or an ObjectReference in the object's shape. */
  event(ref: ApiObject, type: 'Normal' | 'Warning', reason: string, message: string, fieldPath?: string): void {
    const meta = ref.metadata ?? {};
    this.eventFor(
      {
        kind: ref.kind,
        apiVersion: ref.apiVersion,
        namespace: meta.namespace,
        name: meta.name,
        uid: meta.uid,
        resourceVersion: meta.resourceVersion,
        fieldPath,
      },
      type,
      reason,
      message,
    );
  }

  /** The same for an ObjectReference. */
  eventFor(ref: ObjectReference, type: 'Normal' | 'Warning', reason: string, message: string): void {
    if (this.stopping.signal.aborted) return;
    const event = this.build(ref, type, reason, message);
    const writer = hash(aggregateKey(event)) % this.queues.length;
    const queue = this.queues[writer] as Event[];
    if (queue.length >= (this.options.queueLength ?? 1_000)) {
      if (this.dropped++ % 1_000 === 0) this.options.logger?.warn('Events dropped', { dropped: this.dropped });
      return;
    }
    queue.push(event);
    this.busy[writer] ??= this.drain(writer);
  }

  /** Resolves when what was recorded so far is written (or given up). */
  async flush(): Promise<void> {
    await Promise.all(this.busy);
  }

  /** Waits a moment for what is queued, then stops writing. */
  async stop(graceMs = 2_000): Promise<void> {
    const waited = new AbortController();
    await Promise.race([this.flush(), delay(graceMs, waited.signal)]);
    waited.abort();
    this.stopping.abort();
  }

  private build(ref: ObjectReference, type: Event['type'], reason: string, message: string): Event {
    const { component, host } = this.options;
    const now = nowSecond();
    // Events about cluster-scoped objects live in the default namespace.
    const namespace = ref.namespace || 'default';
    return {
      apiVersion: 'v1',
      kind: 'Event',
      metadata: { name: `${ref.name}.${this.uniqueNano().toString(16)}`, namespace },
      involvedObject: ref,
      reason,
      message: message.length > 1024 ? `${message.slice(0, 1021)}...` : message,
      type,
      source: host ? { component, host } : { component },
      reportingComponent: component,
      reportingInstance: host ?? '',
      firstTimestamp: now,
      lastTimestamp: now,
      count: 1,
    };
  }

  /** Nanoseconds since the epoch, never twice the same: the suffix of the event's name. */
  private uniqueNano(): bigint {
    const now = BigInt(Date.now()) * 1_000_000n + (process.hrtime.bigint() % 1_000_000n);
    this.lastNano = now > this.lastNano ? now : this.lastNano + 1n;
    return this.lastNano;
  }

  private async drain(writer: number): Promise<void> {
    const queue = this.queues[writer] as Event[];
    // A turn later: events recorded in the same turn are all in the queue, and the caller goes on first.
    await Promise.resolve();
    for (let event = queue.shift(); event; event = queue.shift()) {
      const correlated = this.correlator.correlate(event);
      if (correlated) await this.write(correlated);
    }
    this.busy[writer] = undefined;
  }

  private async write(correlated: NonNullable<Correlated>): Promise<void> {
    const { event } = correlated;
    const backoff = new Backoff({ initialMs: 500, capMs: 10_000, factor: 2, jitter: 0.5 });
    const { signal } = this.stopping;
    for (let attempt = 1; !signal.aborted; attempt++) {
      try {
        await this.writeOnce(correlated);
        return;
      } catch (error) {
        if (isAlreadyExists(error)) return;
        // The server understood and refused (the namespace is going, the event is not valid): it will again.
        const final = error instanceof StatusError && error.code < 500 && error.code !== 429;
        if (final || attempt >= maxTries) {
          this.options.logger?.debug('Event not written', {
            reason: event.reason,
            object: event.involvedObject.name,
            error,
          });
          return;
        }
        await delay(backoff.step(), signal);
      }
    }
  }

  private async writeOnce({ event, update, key }: NonNullable<Correlated>): Promise<void> {
    const events = this.client.resource<Event>(gvr.events).namespace(event.metadata.namespace ?? 'default');
    const { signal } = this.stopping;
    if (update) {
      const { count, lastTimestamp, message } = event;
      try {
        await events.patch(event.metadata.name ?? '', { count, lastTimestamp, message }, { type: 'strategic', signal });
        return;
      } catch (error) {
        if (!isNotFound(error)) throw error;
        // The event has expired on the server: written anew under a new name, with its count.
        event.metadata = { ...event.metadata, name: `${event.involvedObject.name}.${this.uniqueNano().toString(16)}` };
        this.correlator.remember(key, event);
      }
    }
    await events.create(event, { signal });
  }
}

function hash(text: string): number {
  let h = 0;
  for (let i = 0; i < text.length; i++) h = (Math.imul(h, 31) + text.charCodeAt(i)) >>> 0;
  return h;
}
