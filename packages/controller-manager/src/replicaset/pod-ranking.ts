import type { Pod } from '../framework/kinds.js';
import { isPodReady, podCondition } from '../framework/pods.js';

const deletionCostAnnotation = 'controller.kubernetes.io/pod-deletion-cost';
const phaseRank: Record<string, number> = { Pending: 0, Unknown: 1, Running: 2 };

interface Ranked {
  pod: Pod;
  /** Active pods of the same application on the pod's node: crowded nodes give pods up first (doubling up). */
  rank: number;
}

/**
 * The pods to delete, in the order in which they are given up: unassigned before assigned, pending before running, not
 * ready before ready, cheap before expensive (pod-deletion-cost), on crowded nodes before others, ready for a short time
 * before a long one, often restarted before seldom, young before old (controller.ActivePodsWithRanks).
 * `related` are the pods of all sets of the same owner.
 */
export function podsToDelete(pods: Pod[], related: Pod[], count: number, nowMs: number): Pod[] {
  if (count >= pods.length) return pods;
  const onNode = new Map<string, number>();
  for (const pod of related) {
    const node = pod.spec.nodeName;
    if (node) onNode.set(node, (onNode.get(node) ?? 0) + 1);
  }
  return pods
    .map((pod): Ranked => ({ pod, rank: onNode.get(pod.spec.nodeName ?? '') ?? 0 }))
    .sort((a, b) => compare(a, b, nowMs))
    .slice(0, count)
    .map(({ pod }) => pod);
}

function compare(a: Ranked, b: Ranked, nowMs: number): number {
  const [x, y] = [a.pod, b.pod];
  const assigned = Number(Boolean(x.spec.nodeName)) - Number(Boolean(y.spec.nodeName));
  if (assigned !== 0) return assigned;
  const phase = (phaseRank[x.status?.phase ?? ''] ?? 0) - (phaseRank[y.status?.phase ?? ''] ?? 0);
  if (phase !== 0) return phase;
  const ready = Number(isPodReady(x)) - Number(isPodReady(y));
  if (ready !== 0) return ready;
  const cost = deletionCost(x) - deletionCost(y);
  if (cost !== 0) return cost;
  if (a.rank !== b.rank) return b.rank - a.rank;
  if (isPodReady(x) && isPodReady(y)) {
    const age = compareAge(
      podCondition(x, 'Ready')?.lastTransitionTime,
      podCondition(y, 'Ready')?.lastTransitionTime,
      nowMs,
    );
    if (age !== 0) return age;
  }
  const restarts = maxRestarts(y) - maxRestarts(x);
  if (restarts !== 0) return restarts;
  const age = compareAge(x.metadata.creationTimestamp, y.metadata.creationTimestamp, nowMs);
  if (age !== 0) return age;
  return x.metadata.uid < y.metadata.uid ? -1 : 1;
}

/**
 * Younger first, by the logarithm of the age (LogarithmicScaleDown): pods of about the same age count as equal, so that
 * which of them goes is spread by their random UIDs.
 */
function compareAge(x: string | undefined, y: string | undefined, nowMs: number): number {
  if (x === y) return 0;
  if (!x) return -1;
  if (!y) return 1;
  const bucket = (time: string): number => {
    const seconds = Math.max(0, (nowMs - Date.parse(time)) / 1000);
    return seconds < 1 ? -1 : Math.floor(Math.log2(seconds));
  };
  return bucket(x) - bucket(y);
}

function maxRestarts(pod: Pod): number {
  return Math.max(0, ...(pod.status?.containerStatuses ?? []).map((status) => status.restartCount));
}

function deletionCost(pod: Pod): number {
  const text = pod.metadata.annotations?.[deletionCostAnnotation];
  return text !== undefined && /^-?\d+$/.test(text) ? Number(text) : 0;
}
