import type { PodInfo } from './pod-info.js';
import { type Status, unschedulable } from './status.js';

interface Waiting {
  pending: Map<string, NodeJS.Timeout>;
  settle(status: Status | undefined): void;
  result: Promise<Status | undefined>;
}

/** Pods that Permit plugins hold back between the decision and the binding. */
export class WaitingPods {
  private readonly pods = new Map<string, Waiting>();

  add(pod: PodInfo, timeouts: ReadonlyMap<string, number>): void {
    let settle: Waiting['settle'] = () => undefined;
    const result = new Promise<Status | undefined>((resolve) => {
      settle = resolve;
    });
    const waiting: Waiting = { pending: new Map(), result, settle };
    this.pods.set(pod.uid, waiting);
    for (const [plugin, ms] of timeouts) {
      const message = `rejected due to timeout after waiting ${ms}ms at plugin ${plugin}`;
      waiting.pending.set(
        plugin,
        setTimeout(() => this.reject(pod.uid, plugin, message), ms),
      );
    }
  }

  /** Whether a plugin holds the pod back. */
  has(pod: PodInfo): boolean {
    return this.pods.has(pod.uid);
  }

  /** Resolves when all plugins allowed the pod (undefined) or one rejected it; at once for a pod that does not wait. */
  wait(pod: PodInfo): Promise<Status | undefined> {
    return this.pods.get(pod.uid)?.result ?? Promise.resolve(undefined);
  }

  allow(uid: string, plugin: string): void {
    const waiting = this.pods.get(uid);
    if (!waiting) return;
    clearTimeout(waiting.pending.get(plugin));
    waiting.pending.delete(plugin);
    if (waiting.pending.size === 0) this.finish(uid, waiting, undefined);
  }

  reject(uid: string, plugin: string, message: string): void {
    const waiting = this.pods.get(uid);
    if (!waiting) return;
    const status = unschedulable(message);
    status.plugin = plugin;
    this.finish(uid, waiting, status);
  }

  /** Nothing waits on when the scheduler stops. */
  rejectAll(message: string): void {
    for (const uid of [...this.pods.keys()]) this.reject(uid, '', message);
  }

  private finish(uid: string, waiting: Waiting, status: Status | undefined): void {
    this.pods.delete(uid);
    for (const timer of waiting.pending.values()) clearTimeout(timer);
    waiting.settle(status);
  }
}
