import type { Job, Pod } from '../framework/kinds.js';
import { podsToDelete } from '../replicaset/pod-ranking.js';
import { indexOf, isIndexed, pendingIndexes } from './indexes.js';
import type { Tally } from './tracking.js';

/** Pods created or deleted in one pass. */
const maxPerPass = 500;

export interface PodPlan {
  delete: Pod[];
  /** How many pods to create; with their indexes for indexed jobs. */
  create: number;
  indexes: number[];
}

/** How many pods the job should have now, and which to create or delete for it. */
export function planPods(
  job: Job,
  active: Pod[],
  terminating: Pod[],
  tally: Tally,
  succeeded: number,
  nowMs: number,
): PodPlan {
  if (job.spec.suspend) return { delete: active.slice(0, maxPerPass), create: 0, indexes: [] };
  const parallelism = job.spec.parallelism ?? 1;
  const { completions } = job.spec;
  let wanted: number;
  if (completions === undefined) {
    // Once one succeeded no new ones start: the work queue is empty.
    wanted = succeeded > 0 ? Math.min(active.length, parallelism) : parallelism;
  } else {
    wanted = Math.min(Math.max(0, completions - succeeded), parallelism);
    if (isIndexed(job)) wanted = Math.min(wanted, completions - tally.succeededIndexes.size - tally.failedIndexes.size);
  }
  const excess = isIndexed(job) ? superfluous(job, active, tally) : [];
  const rest = active.filter((pod) => !excess.includes(pod));
  if (rest.length > wanted) excess.push(...podsToDelete(rest, [], rest.length - wanted, nowMs));
  if (excess.length > 0) return { delete: excess.slice(0, maxPerPass), create: 0, indexes: [] };
  const waiting = job.spec.podReplacementPolicy === 'Failed' ? terminating.length : 0;
  const missing = Math.min(wanted - active.length - waiting, maxPerPass);
  if (missing <= 0) return { delete: [], create: 0, indexes: [] };
  if (!isIndexed(job)) return { delete: [], create: missing, indexes: [] };
  const taken = new Set([...tally.succeededIndexes, ...tally.failedIndexes]);
  const busy = job.spec.podReplacementPolicy === 'Failed' ? [...active, ...terminating] : active;
  for (const pod of busy) taken.add(indexOf(pod) ?? -1);
  const indexes = pendingIndexes(completions ?? 0, taken, missing);
  return { delete: [], create: indexes.length, indexes };
}

/** Active pods whose index is done, failed, out of range or worked on by an older pod. */
function superfluous(job: Job, active: Pod[], tally: Tally): Pod[] {
  const seen = new Set<number>();
  const oldestFirst = [...active].sort(
    (a, b) => Date.parse(a.metadata.creationTimestamp) - Date.parse(b.metadata.creationTimestamp),
  );
  return oldestFirst.filter((pod) => {
    const index = indexOf(pod);
    const needless =
      index === undefined ||
      index >= (job.spec.completions ?? 0) ||
      seen.has(index) ||
      tally.succeededIndexes.has(index) ||
      tally.failedIndexes.has(index);
    if (!needless && index !== undefined) seen.add(index);
    return needless;
  });
}
