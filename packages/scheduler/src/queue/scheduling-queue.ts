import type { V1Node, V1Pod } from '@kubelab/api';
import { type Clock, systemClock } from '@kubelab/client';
import type { ClusterEvent, Plugin } from '../framework/types.js';
import { Heap } from './heap.js';

/** A pod that waits for a node, with what is known of its tries. */
export interface QueuedPod {
  key: string;
  pod: V1Pod;
  attempts: number;
  queuedAt: number;
  firstSeenAt: number;
  /** Plugins that refused it at its last try. */
  refusedBy: Set<string>;
  /** Held back by a PreEnqueue plugin. */
  gated: boolean;
}

const initialBackoffMs = 1_000;
const maxBackoffMs = 10_000;
/** A pod that no event has brought back is tried again after this time all the same. */
const unschedulableMs = 5 * 60_000;

/**
 * The pods to be scheduled in three places, as kube-scheduler's PriorityQueue: active (by priority, then age), in
 * back-off after a failed try, and unschedulable until something happens that may help.
 */
export class SchedulingQueue {
  private readonly active = new Heap<QueuedPod>((a, b) => comparePods(a, b));
  private readonly backoff = new Map<string, { item: QueuedPod; cancel: () => void }>();
  private readonly unschedulable = new Map<string, { item: QueuedPod; cancel: () => void }>();
  private waiting: (() => void) | undefined;
  /** Events since the pod being scheduled was taken: they may have come too late for its try. */
  private inFlight: { key: string; helped: boolean; item: QueuedPod } | undefined;

  constructor(
    private readonly plugins: readonly Plugin[],
    private readonly clock: Clock = systemClock,
  ) {}

  /** A pod that is new, or has changed. */
  set(key: string, pod: V1Pod): void {
    const known = this.find(key);
    if (!known) {
      if (this.inFlight?.key === key) {
        this.inFlight.item.pod = pod;
        this.inFlight.helped = true;
        return;
      }
      const now = this.clock.now();
      this.enqueue({ key, pod, attempts: 0, queuedAt: now, firstSeenAt: now, refusedBy: new Set(), gated: false });
      return;
    }
    const before = known.pod;
    known.pod = pod;
    if (this.active.has(key)) {
      this.active.remove(key);
      this.enqueue(known);
    } else if (this.unschedulable.has(key) && (known.gated || this.helps(known, 'PodUpdate', pod, before))) {
      this.take(this.unschedulable, key);
      this.retry(known);
    }
  }

  delete(key: string): void {
    this.active.remove(key);
    this.take(this.backoff, key);
    this.take(this.unschedulable, key);
  }

  /** The next pod; waits for one. Resolves to undefined when the signal aborts. */
  async pop(signal: AbortSignal): Promise<QueuedPod | undefined> {
    while (!signal.aborted) {
      const item = this.active.pop();
      if (item) {
        item.attempts++;
        this.inFlight = { key: item.key, helped: false, item };
        return item;
      }
      await new Promise<void>((resolve) => {
        this.waiting = resolve;
        signal.addEventListener('abort', () => resolve(), { once: true });
      });
    }
    return undefined;
  }

  /** The pod taken last has a node. */
  done(key: string): void {
    if (this.inFlight?.key === key) {
      this.inFlight = undefined;
    }
  }

  /** The pod taken last has none: it waits for an event, or for its back-off when something happened meanwhile. */
  putBack(item: QueuedPod, refusedBy: Iterable<string>): void {
    const helped = this.inFlight?.key === item.key && this.inFlight.helped;
    this.done(item.key);
    item.refusedBy = new Set(refusedBy);
    item.queuedAt = this.clock.now();
    if (helped || item.refusedBy.size === 0) {
      this.retry(item);
    } else {
      this.park(item);
    }
  }

  /** Brings back the pods that an event may help. */
  onEvent(event: ClusterEvent, now: V1Node | V1Pod, before?: V1Node | V1Pod): void {
    if (this.inFlight) {
      this.inFlight.helped = true;
    }
    for (const [key, { item }] of this.unschedulable) {
      if (!item.gated && this.helps(item, event, now, before)) {
        this.take(this.unschedulable, key);
        this.retry(item);
      }
    }
  }

  get counts(): { active: number; backoff: number; unschedulable: number } {
    return { active: this.active.size, backoff: this.backoff.size, unschedulable: this.unschedulable.size };
  }

  close(): void {
    for (const places of [this.backoff, this.unschedulable]) {
      for (const { cancel } of places.values()) {
        cancel();
      }
      places.clear();
    }
  }

  private find(key: string): QueuedPod | undefined {
    return this.active.get(key) ?? this.backoff.get(key)?.item ?? this.unschedulable.get(key)?.item;
  }

  private helps(item: QueuedPod, event: ClusterEvent, now: V1Node | V1Pod, before?: V1Node | V1Pod): boolean {
    return this.plugins.some(
      (plugin) =>
        item.refusedBy.has(plugin.name) &&
        (plugin.requeueOn?.includes(event) ?? false) &&
        (plugin.mayHelp?.(item.pod, event, now, before) ?? true),
    );
  }

  private enqueue(item: QueuedPod): void {
    item.gated = this.plugins.some((plugin) => plugin.preEnqueue?.(item.pod) !== undefined);
    if (item.gated) {
      this.park(item);
      return;
    }
    this.active.push(item.key, item);
    this.waiting?.();
    this.waiting = undefined;
  }

  /** Back to the active queue, after the rest of its back-off. */
  private retry(item: QueuedPod): void {
    const backoffMs = item.attempts === 0 ? 0 : Math.min(initialBackoffMs * 2 ** (item.attempts - 1), maxBackoffMs);
    const remainingMs = item.queuedAt + backoffMs - this.clock.now();
    if (item.attempts === 0 || remainingMs <= 0) {
      this.enqueue(item);
      return;
    }
    const cancel = this.clock.after(remainingMs, () => {
      this.backoff.delete(item.key);
      this.enqueue(item);
    });
    this.backoff.set(item.key, { item, cancel });
  }

  private park(item: QueuedPod): void {
    const cancel = this.clock.after(unschedulableMs, () => {
      this.unschedulable.delete(item.key);
      this.enqueue(item);
    });
    this.unschedulable.set(item.key, { item, cancel });
  }

  private take(place: Map<string, { item: QueuedPod; cancel: () => void }>, key: string): void {
    place.get(key)?.cancel();
    place.delete(key);
  }
}

/** PrioritySort: the higher priority first, then the one that waits longer. */
function comparePods(a: QueuedPod, b: QueuedPod): number {
  return (b.pod.spec?.priority ?? 0) - (a.pod.spec?.priority ?? 0) || a.firstSeenAt - b.firstSeenAt;
}
