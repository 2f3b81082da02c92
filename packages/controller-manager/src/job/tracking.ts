import type { V1JobStatus } from '@kubelab/api';
import type { Job, Pod } from '../framework/kinds.js';
import { judgeFailure } from './failure-policy.js';
import { indexOf, isIndexed, parseIndexes } from './indexes.js';
import { failureCountKey, isTracked } from './pod.js';

/** At most so many pods are in the status at once; the rest is counted by the next passes. */
const maxUncounted = 500;

/** The counting part of a job's status. Succeeded pods of indexed jobs are counted by their index. */
export interface Tally {
  succeeded: number;
  failed: number;
  uncountedSucceeded: Set<string>;
  uncountedFailed: Set<string>;
  succeededIndexes: Set<number>;
  failedIndexes: Set<number>;
}

export function readTally(job: Job): Tally {
  const status = job.status ?? {};
  const completions = job.spec.completions ?? 0;
  return {
    succeeded: status.succeeded ?? 0,
    failed: status.failed ?? 0,
    uncountedSucceeded: new Set(status.uncountedTerminatedPods?.succeeded),
    uncountedFailed: new Set(status.uncountedTerminatedPods?.failed),
    succeededIndexes: isIndexed(job) ? parseIndexes(status.completedIndexes, completions) : new Set(),
    failedIndexes: isIndexed(job) ? parseIndexes(status.failedIndexes, completions) : new Set(),
  };
}

/**
 * Whether the pod counts as failed. A pod being deleted does at once, unless the job asks to wait for its end
 * (podReplacementPolicy Failed).
 */
export function isFailed(job: Job, pod: Pod): boolean {
  if (pod.status?.phase === 'Failed') return true;
  if (job.spec.podReplacementPolicy === 'Failed') return false;
  return pod.metadata.deletionTimestamp !== undefined && pod.status?.phase !== 'Succeeded';
}

const isIgnored = (job: Job, pod: Pod): boolean =>
  pod.status?.phase === 'Failed' && judgeFailure(job, pod).action === 'Ignore';

/**
 * Moves pods whose finalizer is gone from the uncounted lists into the counters. This is the second half of counting:
 * the first wrote their UIDs into the status before the finalizer was removed, so nothing is counted twice or never.
 */
export function settle(tally: Tally, pods: Pod[], released: Set<string>): void {
  const tracked = new Set(
    pods.filter((pod) => isTracked(pod) && !released.has(pod.metadata.uid)).map(({ metadata }) => metadata.uid),
  );
  for (const uid of [...tally.uncountedSucceeded]) {
    if (tracked.has(uid)) continue;
    tally.uncountedSucceeded.delete(uid);
    tally.succeeded++;
  }
  for (const uid of [...tally.uncountedFailed]) {
    if (tracked.has(uid)) continue;
    tally.uncountedFailed.delete(uid);
    tally.failed++;
  }
}

/** Notes newly finished pods, and returns those whose finalizer may be removed once the status is written. */
export function noteFinished(job: Job, tally: Tally, pods: Pod[]): Pod[] {
  const indexed = isIndexed(job);
  const completions = job.spec.completions ?? 0;
  const release: Pod[] = [];
  for (const pod of pods) {
    if (!isTracked(pod)) continue;
    if (tally.uncountedSucceeded.size + tally.uncountedFailed.size >= maxUncounted) break;
    const { uid } = pod.metadata;
    const index = indexOf(pod);
    const valid = !indexed || (index !== undefined && index < completions);
    if (pod.status?.phase === 'Succeeded') {
      if (indexed && valid) tally.succeededIndexes.add(index ?? 0);
      else if (!indexed) tally.uncountedSucceeded.add(uid);
    } else if (isFailed(job, pod)) {
      if (indexed && valid && !noteIndexFailure(job, tally, pods, pod, index ?? 0)) continue;
      if (valid && !isIgnored(job, pod)) tally.uncountedFailed.add(uid);
    } else {
      continue;
    }
    release.push(pod);
  }
  return release;
}

/** Failures of the index so far, this pod's included; ignored ones do not count. */
export function indexFailures(job: Job, pod: Pod): number {
  const before = Number(pod.metadata.annotations?.[failureCountKey] ?? 0) || 0;
  return isIgnored(job, pod) ? before : before + 1;
}

/**
 * With backoffLimitPerIndex the last failed pod of an index carries its failure count, so it must stay until the index
 * has failed for good or has a next pod. Returns whether the pod may go.
 */
function noteIndexFailure(job: Job, tally: Tally, pods: Pod[], pod: Pod, index: number): boolean {
  const limit = job.spec.backoffLimitPerIndex;
  if (limit === undefined) return true;
  const failedIndex = pod.status?.phase === 'Failed' && judgeFailure(job, pod).action === 'FailIndex';
  if (failedIndex || indexFailures(job, pod) > limit) {
    if (!tally.succeededIndexes.has(index)) tally.failedIndexes.add(index);
    return true;
  }
  if (tally.failedIndexes.has(index) || tally.succeededIndexes.has(index)) return true;
  if (job.metadata.deletionTimestamp) return true;
  return pods.some(
    (other) =>
      other !== pod &&
      indexOf(other) === index &&
      Date.parse(other.metadata.creationTimestamp) >= Date.parse(pod.metadata.creationTimestamp) &&
      !isFailed(job, other),
  );
}

/** The last failed pod of an index that still waits for its successor. */
export function lastFailure(job: Job, pods: Pod[], index: number): Pod | undefined {
  return pods
    .filter((pod) => indexOf(pod) === index && isFailed(job, pod))
    .sort((a, b) => indexFailures(job, b) - indexFailures(job, a))[0];
}

/** Successes known so far, written or not. */
export function succeededCount(job: Job, tally: Tally): number {
  return isIndexed(job) ? tally.succeededIndexes.size : tally.succeeded + tally.uncountedSucceeded.size;
}

export function failedCount(tally: Tally): number {
  return tally.failed + tally.uncountedFailed.size;
}

/** The uncounted lists as the status has them. */
export function uncountedStatus(tally: Tally): V1JobStatus['uncountedTerminatedPods'] {
  const list = (uids: Set<string>): string[] | undefined => (uids.size > 0 ? [...uids] : undefined);
  return { succeeded: list(tally.uncountedSucceeded), failed: list(tally.uncountedFailed) };
}
