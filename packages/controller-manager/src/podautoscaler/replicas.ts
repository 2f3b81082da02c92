import type { Pod } from '../framework/kinds.js';
import { isPodReady, podCondition } from '../framework/pods.js';

/** What a metric says: how many replicas there should be, and its current value. */
export interface Proposal {
  replicas: number;
  /** Utilization in percent, or the average amount in milli-units. */
  value: number;
  averageMilli?: number;
  timestampMs: number;
}

export interface PodMetric {
  /** Milli-units. */
  milli: number;
  timestampMs: number;
  windowMs: number;
}

export interface Grouped {
  readyPodCount: number;
  /** Pods that have no sample although they should. */
  missing: string[];
  /** Pods whose sample must not count (yet): starting ones. */
  unready: string[];
  ignored: Set<string>;
}

export interface GroupOptions {
  nowMs: number;
  isCpu: boolean;
  cpuInitializationMs: number;
  initialReadinessDelayMs: number;
}

/** Sorts pods by whether their sample tells anything (replica_calculator.go groupPods). */
export function groupPods(pods: Pod[], metrics: Map<string, PodMetric>, options: GroupOptions): Grouped {
  const grouped: Grouped = { readyPodCount: 0, missing: [], unready: [], ignored: new Set() };
  for (const pod of pods) {
    const { name } = pod.metadata;
    if (pod.metadata.deletionTimestamp || pod.status?.phase === 'Failed' || pod.status?.phase === 'Succeeded') {
      grouped.ignored.add(name);
      continue;
    }
    if (pod.status?.phase === 'Pending') {
      grouped.unready.push(name);
      continue;
    }
    const metric = metrics.get(name);
    if (!metric) {
      grouped.missing.push(name);
      continue;
    }
    if (options.isCpu && isStarting(pod, metric, options)) grouped.unready.push(name);
    else grouped.readyPodCount++;
  }
  return grouped;
}

/** The CPU that a pod uses while it starts says nothing of its load. */
function isStarting(pod: Pod, metric: PodMetric, options: GroupOptions): boolean {
  const startMs = Date.parse(pod.status?.startTime ?? '');
  const changedMs = Date.parse(podCondition(pod, 'Ready')?.lastTransitionTime ?? '');
  if (Number.isNaN(startMs) || Number.isNaN(changedMs)) return true;
  if (options.nowMs < startMs + options.cpuInitializationMs) {
    return !isPodReady(pod) || metric.timestampMs < changedMs + metric.windowMs;
  }
  return !isPodReady(pod) && startMs + options.initialReadinessDelayMs > changedMs;
}

/**
 * Replicas for a ratio of current to wanted usage. Missing pods are taken for the case that changes least: full of load
 * when scaling down, idle when scaling up; starting pods as idle. Small deviations change nothing.
 */
export function replicasForRatio(o: {
  current: number;
  grouped: Grouped;
  tolerance: number;
  /** The usage ratio over the given samples; `assumed` adds pods with this share of their target. */
  ratio(assumed: { count: number; share: number }): number;
}): number {
  const { current, grouped, tolerance } = o;
  const usage = o.ratio({ count: 0, share: 0 });
  const rebalance = grouped.unready.length > 0 && usage > 1;
  if (grouped.missing.length === 0 && !rebalance) {
    if (Math.abs(usage - 1) <= tolerance) return current;
    return Math.ceil(usage * grouped.readyPodCount);
  }
  let count = 0;
  let share = 0;
  if (grouped.missing.length > 0) {
    count += grouped.missing.length;
    // A missing pod counts as using all of its target when scaling down, and nothing when scaling up.
    if (usage < 1) share += grouped.missing.length;
  }
  if (rebalance) count += grouped.unready.length;
  const adjusted = o.ratio({ count, share });
  if (Math.abs(adjusted - 1) <= tolerance || (usage < 1 && adjusted > 1) || (usage > 1 && adjusted < 1)) return current;
  const next = Math.ceil(adjusted * (grouped.readyPodCount + count));
  // Assumptions must not turn the direction round.
  if ((adjusted < 1 && next > current) || (adjusted > 1 && next < current)) return current;
  return next;
}
