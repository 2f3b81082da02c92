import type { Logger } from '@kubelab/component-base';
import { sleep } from '../lifecycle/hooks.js';
import type { Pod } from '../pod/types.js';
import { type Candidate, isEvictable, rankForEviction } from './ranking.js';
import {
  amount,
  conditionOf,
  isMemory,
  isMet,
  type Observations,
  resourceOf,
  type Signal,
  type Threshold,
} from './thresholds.js';

export interface EvictionOptions {
  thresholds: Threshold[];
  /** --eviction-pressure-transition-period */
  transitionMs: number;
  /** --eviction-max-pod-grace-period, for soft thresholds; 0 is none of its own. */
  maxGraceSeconds: number;
  logger: Logger;
  observe(): Promise<Observations>;
  /** Frees images and dead containers; resolves when it has tried. */
  reclaimDisk(): Promise<void>;
  candidates(signal: Signal): Promise<Candidate[]>;
  /** Usage of emptyDirs and ephemeral storage beyond the pods' own limits: pods to be evicted, with why. */
  localStorageViolations(): Promise<{ pod: Pod; message: string }[]>;
  evict(pod: Pod, message: string, graceSeconds: number | undefined): void;
  event(type: 'Warning', reason: string, message: string): void;
  onChange(): void;
  onEvicted?(signal: string): void;
}

const intervalMs = 10_000;
/** What a pod gets to end that is evicted because a hard limit was passed. */
const hardGraceSeconds = 1;

/** Keeps the node from running dry: watches its resources, sets pressure conditions, reclaims, evicts one pod a round. */
export class EvictionManager {
  private readonly firstMet = new Map<Threshold, number>();
  private readonly pressureUntil = new Map<string, number>();

  constructor(private readonly options: EvictionOptions) {}

  /** Conditions in force: MemoryPressure, DiskPressure, PIDPressure. */
  pressures(): string[] {
    const now = Date.now();
    return [...this.pressureUntil].filter(([, until]) => until > now).map(([name]) => name);
  }

  async run(signal: AbortSignal): Promise<void> {
    while (!signal.aborted) {
      try {
        await this.round();
      } catch (error) {
        if (!signal.aborted) this.options.logger.warn('Eviction round failed', { error });
      }
      await sleep(intervalMs, signal);
    }
  }

  async round(): Promise<void> {
    const { options } = this;
    for (const { pod, message } of await options.localStorageViolations()) {
      options.evict(pod, message, hardGraceSeconds);
      options.onEvicted?.('ephemeralstorage');
    }
    let observations = await options.observe();
    const due = this.due(observations);
    this.setPressures(options.thresholds.filter((threshold) => this.firstMet.has(threshold)));
    const disk = due.filter((threshold) => conditionOf(threshold.signal) === 'DiskPressure');
    if (disk.length > 0) {
      await options.reclaimDisk();
      observations = await options.observe();
    }
    const [worst] = due.filter((threshold) => isMet(threshold, observations));
    if (worst) await this.evictFor(worst, observations);
  }

  /** Thresholds that are met, and have been for their grace period. */
  private due(observations: Observations): Threshold[] {
    const now = Date.now();
    const due: Threshold[] = [];
    for (const threshold of this.options.thresholds) {
      if (!isMet(threshold, observations)) {
        this.firstMet.delete(threshold);
        continue;
      }
      const since = this.firstMet.get(threshold) ?? now;
      this.firstMet.set(threshold, since);
      if (now - since >= threshold.graceMs) due.push(threshold);
    }
    // Memory first: it can't wait.
    return due.sort((a, b) => Number(isMemory(b.signal)) - Number(isMemory(a.signal)));
  }

  private setPressures(met: Threshold[]): void {
    const before = this.pressures().sort().join();
    const until = Date.now() + this.options.transitionMs;
    for (const threshold of met) this.pressureUntil.set(conditionOf(threshold.signal), until);
    if (this.pressures().sort().join() !== before) this.options.onChange();
  }

  private async evictFor(threshold: Threshold, observations: Observations): Promise<void> {
    const { options } = this;
    const resource = resourceOf(threshold.signal);
    options.event('Warning', 'EvictionThresholdMet', `Attempting to reclaim ${resource}`);
    const ranked = rankForEviction((await options.candidates(threshold.signal)).filter(({ pod }) => isEvictable(pod)));
    const [victim] = ranked;
    if (!victim) {
      options.logger.warn('Under pressure, but there is no pod to evict', { signal: threshold.signal });
      return;
    }
    const observation = observations[threshold.signal];
    const limit = observation ? amount(threshold, observation) : 0;
    const message =
      `The node was low on resource: ${resource}. Threshold quantity: ${Math.round(limit)}, ` +
      `available: ${Math.round(observation?.available ?? 0)}. ` +
      `Pod was using ${Math.round(victim.usage)}, request is ${Math.round(victim.request)}, has larger consumption of ${resource}. `;
    options.evict(victim.pod, message, threshold.graceMs > 0 ? options.maxGraceSeconds : hardGraceSeconds);
    options.onEvicted?.(threshold.signal);
  }
}
