import type { V1JobCondition } from '@kubelab/api';
import type { Job, Pod } from '../framework/kinds.js';
import { jobCondition } from './conditions.js';
import { judgeFailure } from './failure-policy.js';
import { isIndexed } from './indexes.js';
import { matchSuccessPolicy } from './success-policy.js';

export interface JobCounts {
  active: number;
  succeeded: number;
  failed: number;
  succeededIndexes: Set<number>;
  failedIndexes: Set<number>;
}

/** Whether the job has failed or succeeded by now, and why; undefined while it goes on. */
export function decide(
  job: Job,
  counts: JobCounts,
  failedPods: Pod[],
  runningPods: Pod[],
  nowMs: number,
): V1JobCondition | undefined {
  return failure(job, counts, failedPods, runningPods, nowMs) ?? success(job, counts);
}

function failure(
  job: Job,
  counts: JobCounts,
  failedPods: Pod[],
  runningPods: Pod[],
  nowMs: number,
): V1JobCondition | undefined {
  const fail = (reason: string, message: string): V1JobCondition =>
    jobCondition('FailureTarget', 'True', reason, message);
  for (const pod of failedPods) {
    if (pod.status?.phase !== 'Failed') continue;
    const verdict = judgeFailure(job, pod);
    if (verdict.action === 'FailJob') return fail('PodFailurePolicy', verdict.message);
  }
  const limit = job.spec.backoffLimit ?? 6;
  if (counts.failed > limit || pastRestartLimit(job, limit, runningPods)) {
    return fail('BackoffLimitExceeded', 'Job has reached the specified backoff limit');
  }
  const deadline = deadlineMs(job);
  if (deadline !== undefined && nowMs >= deadline) {
    return fail('DeadlineExceeded', 'Job was active longer than specified deadline');
  }
  if (job.spec.backoffLimitPerIndex !== undefined && isIndexed(job)) {
    const max = job.spec.maxFailedIndexes;
    if (max !== undefined && counts.failedIndexes.size > max) {
      return fail('MaxFailedIndexesExceeded', 'Job has exceeded the specified maximal number of failed indexes');
    }
    const done = counts.failedIndexes.size + counts.succeededIndexes.size;
    if (counts.failedIndexes.size > 0 && done >= (job.spec.completions ?? 0)) {
      return fail('FailedIndexes', 'Job has failed indexes');
    }
  }
  return undefined;
}

function success(job: Job, counts: JobCounts): V1JobCondition | undefined {
  const met = (reason: string, message: string): V1JobCondition =>
    jobCondition('SuccessCriteriaMet', 'True', reason, message);
  const { completions } = job.spec;
  if (job.spec.successPolicy && isIndexed(job)) {
    const message = matchSuccessPolicy(job.spec.successPolicy, completions ?? 0, counts.succeededIndexes);
    if (message) return met('SuccessPolicy', message);
  }
  const complete =
    completions === undefined
      ? counts.succeeded > 0 && counts.active === 0
      : counts.succeeded >= completions && counts.active === 0;
  return complete ? met('CompletionsReached', 'Reached expected number of succeeded pods') : undefined;
}

/** With restartPolicy OnFailure the kubelet's restarts count against the limit. */
function pastRestartLimit(job: Job, limit: number, pods: Pod[]): boolean {
  if (job.spec.template.spec?.restartPolicy !== 'OnFailure') return false;
  const restarts = pods.reduce((sum, { status }) => {
    const statuses = [...(status?.initContainerStatuses ?? []), ...(status?.containerStatuses ?? [])];
    return sum + statuses.reduce((count, { restartCount }) => count + restartCount, 0);
  }, 0);
  return limit === 0 ? restarts > 0 : restarts >= limit;
}

/** When activeDeadlineSeconds ends; undefined without one, or while the job does not run. */
export function deadlineMs(job: Job): number | undefined {
  const seconds = job.spec.activeDeadlineSeconds;
  if (seconds === undefined || !job.status?.startTime || job.spec.suspend) return undefined;
  return Date.parse(job.status.startTime) + seconds * 1000;
}
