import type { V1Pod } from '@kubelab/api';
import { type Clock, systemClock } from '@kubelab/client';
import { type ClusterEvent, covers, type EventRegistration } from '../framework/events.js';
import type { QueuedPod } from '../framework/plugin.js';
import { PodInfo } from '../framework/pod-info.js';
import { KeyedHeap } from './heap.js';
import { Nominator } from './nominator.js';

export interface SchedulingQueueOptions {
  /** Order of the active queue: the QueueSort plugin. */
  less(a: QueuedPod, b: QueuedPod): boolean;
  /** Whether PreEnqueue plugins hold the pod back. */
  gatedBy(pod: V1Pod): string | undefined;
  /** What events the plugins asked for, by plugin name; a missing plugin means every event. */
  registrations(pod: V1Pod): ReadonlyMap<string, readonly EventRegistration<V1Pod>[]>;
  initialBackoffMs: number;
  maxBackoffMs: number;
  clock?: Clock;
  /** Told of each pod that comes to a queue, and why. */
  observe?(queue: 'active' | 'backoff' | 'unschedulable' | 'gated', event: string): void;
}

/** A pod that no event woke up is tried again after this time. */
const maxUnschedulableMs = 300_000;
const flushUnschedulableEveryMs = 30_000;

/**
 * Kubernetes' scheduling queue: active (ready to be scheduled, by priority), back-off (failed a moment ago), and
 * unschedulable (waits for an event that one of the plugins that rejected it asked for). A pod that is being scheduled
 * is in flight: events meanwhile are kept and judged when it comes back, so that none is missed.
 */
export class SchedulingQueue {
  readonly nominator = new Nominator();
  private readonly active: KeyedHeap<QueuedPod>;
  /** Pods that something may have helped: taken early when there is nothing else to do (KEP-5142). */
  private readonly backoff: KeyedHeap<QueuedPod>;
  /** Pods whose attempt failed by an error: they wait their time in any case, it may be the API server's trouble. */
  private readonly errorBackoff: KeyedHeap<QueuedPod>;
  private readonly unschedulable = new Map<string, QueuedPod>();
  private readonly inFlight = new Map<string, number>();
  private events: ClusterEvent[] = [];
  private firstEvent = 0;
  private readonly clock: Clock;
  private waiter: (() => void) | undefined;
  private cancelBackoff: (() => void) | undefined;
  private cancelFlush: (() => void) | undefined;
  private closed = false;

  constructor(private readonly options: SchedulingQueueOptions) {
    this.clock = options.clock ?? systemClock;
    this.active = new KeyedHeap((q) => q.info.key, options.less);
    const sooner = (a: QueuedPod, b: QueuedPod): boolean => this.backoffUntil(a) < this.backoffUntil(b);
    this.backoff = new KeyedHeap((q) => q.info.key, sooner);
    this.errorBackoff = new KeyedHeap((q) => q.info.key, sooner);
    this.armFlush();
  }

  /** Numbers of pods for metrics: active, backoff, unschedulable, gated. */
  counts(): Record<'active' | 'backoff' | 'unschedulable' | 'gated', number> {
    let gated = 0;
    for (const q of this.unschedulable.values()) if (q.gated) gated++;
    return {
      active: this.active.size,
      backoff: this.backoff.size + this.errorBackoff.size,
      unschedulable: this.unschedulable.size - gated,
      gated,
    };
  }

  /** How many waiting pods each plugin turned down, by profile. */
  rejections(): { plugin: string; profile: string; count: number }[] {
    const counts = new Map<string, { plugin: string; profile: string; count: number }>();
    for (const q of [...this.unschedulable.values(), ...this.backoff.values(), ...this.errorBackoff.values()]) {
      const profile = q.info.pod.spec?.schedulerName || 'default-scheduler';
      for (const plugin of q.rejectedBy) {
        const key = `${plugin}/${profile}`;
        const entry = counts.get(key) ?? { plugin, profile, count: 0 };
        entry.count++;
        counts.set(key, entry);
      }
    }
    return [...counts.values()];
  }

  /** A pod without a node appeared. */
  add(pod: V1Pod): void {
    const info = new PodInfo(pod);
    const now = this.clock.now();
    const queued: QueuedPod = {
      info,
      timestamp: now,
      firstSeen: now,
      attempts: 0,
      rejectedBy: new Set(),
      gated: false,
    };
    this.nominator.set(info);
    this.activate(queued, 'UnscheduledPodAdd');
  }

  /** The pod changed: it keeps its place, or is tried again if the change may help. */
  update(old: V1Pod, pod: V1Pod, events: ClusterEvent[]): void {
    const info = new PodInfo(pod);
    const { key } = info;
    if (this.inFlight.has(key)) {
      for (const event of events) this.record(event);
      return;
    }
    const nominated = this.nominator.nodeFor(key);
    this.nominator.set(info, pod.status?.nominatedNodeName || (old.status?.nominatedNodeName ? '' : nominated));
    for (const heap of [this.active, this.backoff, this.errorBackoff]) {
      const queued = heap.get(key);
      if (queued) {
        queued.info = info;
        heap.set(queued);
        return;
      }
    }
    const waiting = this.unschedulable.get(key);
    if (!waiting) {
      this.add(pod);
      return;
    }
    waiting.info = info;
    if (waiting.gated) {
      if (!this.options.gatedBy(pod)) {
        this.unschedulable.delete(key);
        this.activate(waiting, 'UnscheduledPodUpdate');
      }
      return;
    }
    if (events.some((event) => this.helps(waiting, event))) this.wake(waiting, 'UnscheduledPodUpdate');
  }

  delete(key: string): void {
    this.nominator.delete(key);
    this.active.delete(key);
    this.backoff.delete(key);
    this.errorBackoff.delete(key);
    this.unschedulable.delete(key);
  }

  /** The next pod to schedule, in flight from now on; undefined when there is none. */
  pop(): QueuedPod | undefined {
    const queued = this.active.pop() ?? this.backoff.pop();
    if (!queued) return undefined;
    queued.attempts++;
    this.inFlight.set(queued.info.key, this.firstEvent + this.events.length);
    return queued;
  }

  /** Resolves when there may be a pod to pop, or after close(). */
  async waitForPods(): Promise<void> {
    if (this.active.size > 0 || this.backoff.size > 0 || this.closed) return;
    await new Promise<void>((resolve) => {
      this.waiter = resolve;
    });
  }

  /** The pod is bound (or gone): events are not kept for it any more. */
  done(key: string): void {
    this.inFlight.delete(key);
    this.trimEvents();
  }

  /**
   * The pod could not be scheduled. It waits for an event, or backs off at once if one came meanwhile or nothing in
   * particular rejected it (an error).
   */
  addUnschedulable(queued: QueuedPod): void {
    const { key } = queued.info;
    const since = this.inFlight.get(key);
    const missed = since === undefined ? [] : this.events.slice(Math.max(0, since - this.firstEvent));
    this.done(key);
    if ([this.active, this.backoff, this.errorBackoff, this.unschedulable].some((q) => q.get(key))) return;
    queued.timestamp = this.clock.now();
    this.nominator.set(queued.info, this.nominator.nodeFor(key));
    if (queued.rejectedBy.size === 0 || missed.some((event) => this.helps(queued, event))) {
      this.backOff(queued, 'ScheduleAttemptFailure');
    } else {
      this.unschedulable.set(key, queued);
      this.options.observe?.('unschedulable', 'ScheduleAttemptFailure');
    }
  }

  /** Something happened: pods that it may help go on. */
  moveOn(event: ClusterEvent): void {
    this.record(event);
    for (const queued of [...this.unschedulable.values()])
      if (!queued.gated && this.helps(queued, event)) this.wake(queued, `${event.resource}${event.action}`);
  }

  /** Puts pods back at once, without back-off, for example after a preemption made room. */
  activateNow(keys: Iterable<string>): void {
    for (const key of keys) {
      const queued = this.unschedulable.get(key) ?? this.backoff.get(key) ?? this.errorBackoff.get(key);
      if (!queued || queued.gated) continue;
      this.unschedulable.delete(key);
      this.backoff.delete(key);
      this.errorBackoff.delete(key);
      this.activate(queued, 'ForceActivate');
    }
  }

  close(): void {
    this.closed = true;
    this.cancelBackoff?.();
    this.cancelFlush?.();
    this.waiter?.();
  }

  private helps(queued: QueuedPod, event: ClusterEvent): boolean {
    if (event.resource === '*' || queued.rejectedBy.size === 0) return true;
    const registrations = this.options.registrations(queued.info.pod);
    for (const plugin of queued.rejectedBy) {
      const wanted = registrations.get(plugin);
      if (!wanted) return true;
      for (const r of wanted) {
        if (covers(r, event) && (!r.hint || r.hint(queued.info.pod, event))) return true;
      }
    }
    return false;
  }

  private wake(queued: QueuedPod, event: string): void {
    this.unschedulable.delete(queued.info.key);
    if (this.backoffUntil(queued) > this.clock.now()) {
      this.backOff(queued, event);
    } else {
      this.activate(queued, event);
    }
  }

  private backOff(queued: QueuedPod, event: string): void {
    (queued.rejectedBy.size === 0 ? this.errorBackoff : this.backoff).set(queued);
    this.options.observe?.('backoff', event);
    this.armBackoff();
    if (this.backoff.size > 0) this.wakeWaiter();
  }

  private wakeWaiter(): void {
    const { waiter } = this;
    this.waiter = undefined;
    waiter?.();
  }

  private activate(queued: QueuedPod, event: string): void {
    const gate = this.options.gatedBy(queued.info.pod);
    queued.gated = gate !== undefined;
    if (gate !== undefined) {
      queued.rejectedBy = new Set([gate]);
      this.unschedulable.set(queued.info.key, queued);
      this.options.observe?.('gated', event);
      return;
    }
    this.active.set(queued);
    this.options.observe?.('active', event);
    this.wakeWaiter();
  }

  /** Doubles with each attempt: 1 s, 2 s, ... up to the limit, from the time of the last failure. */
  private backoffUntil(queued: QueuedPod): number {
    if (queued.attempts === 0) return 0;
    const { initialBackoffMs, maxBackoffMs } = this.options;
    return queued.timestamp + Math.min(maxBackoffMs, initialBackoffMs * 2 ** (queued.attempts - 1));
  }

  private armBackoff(): void {
    this.cancelBackoff?.();
    if (this.closed) return;
    const heaps = [this.backoff, this.errorBackoff];
    const due = Math.min(...heaps.flatMap((h) => (h.peek() ? [this.backoffUntil(h.peek() as QueuedPod)] : [])));
    if (!Number.isFinite(due)) return;
    this.cancelBackoff = this.clock.after(due - this.clock.now(), () => {
      const now = this.clock.now();
      for (const heap of heaps) {
        for (let q = heap.peek(); q && this.backoffUntil(q) <= now; q = heap.peek()) {
          heap.pop();
          this.activate(q, 'BackoffComplete');
        }
      }
      this.armBackoff();
    });
  }

  private armFlush(): void {
    this.cancelFlush = this.clock.after(flushUnschedulableEveryMs, () => {
      const limit = this.clock.now() - maxUnschedulableMs;
      for (const q of [...this.unschedulable.values()])
        if (!q.gated && q.timestamp < limit) this.wake(q, 'UnschedulableTimeout');
      if (!this.closed) this.armFlush();
    });
  }

  private record(event: ClusterEvent): void {
    if (this.inFlight.size > 0) this.events.push(event);
  }

  private trimEvents(): void {
    if (this.inFlight.size === 0) {
      this.firstEvent += this.events.length;
      this.events = [];
      return;
    }
    if (this.events.length < 1024) return;
    const oldest = Math.min(...this.inFlight.values());
    if (oldest - this.firstEvent < this.events.length / 2) return;
    this.events = this.events.slice(oldest - this.firstEvent);
    this.firstEvent = oldest;
  }
}
