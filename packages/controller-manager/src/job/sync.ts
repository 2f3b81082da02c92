import type { V1Job, V1JobCondition, V1JobStatus } from '@kubelab/api';
import { hasStatusCause, nowSecond, semanticEqual } from '@kubelab/apimachinery';
import type { EventRecorder, ResourceClient } from '@kubelab/client';
import { omitEmpty } from '../framework/canonical.js';
import { findCondition, withoutCondition } from '../framework/conditions.js';
import type { Expectations } from '../framework/expectations.js';
import type { Job, Pod } from '../framework/kinds.js';
import { isPodActive, isPodReady, isPodTerminating } from '../framework/pods.js';
import type { Outcome } from '../framework/reconciler.js';
import { slowStartBatch } from '../framework/slow-start.js';
import { creationDelayMs } from './backoff.js';
import { decidedCondition, finalCondition, jobCondition } from './conditions.js';
import { deadlineMs, decide } from './decide.js';
import { formatIndexes, isIndexed } from './indexes.js';
import type { JobPodControl } from './job-pod-control.js';
import { planPods } from './manage.js';
import { isTracked } from './pod.js';
import {
  failedCount,
  indexFailures,
  isFailed,
  lastFailure,
  noteFinished,
  readTally,
  settle,
  succeededCount,
  type Tally,
  uncountedStatus,
} from './tracking.js';

export interface JobPass {
  key: string;
  job: Job;
  /** All pods of the job. */
  pods: Pod[];
  jobs: ResourceClient<V1Job>;
  podControl: JobPodControl;
  expectations: Expectations;
  recorder: EventRecorder;
  nowMs: number;
  /** The status that the server has, as far as this pass knows. */
  written: V1JobStatus | undefined;
  /** Told of each status written, so that the next pass does not start from an older one. */
  wrote(job: Job): void;
}

/**
 * One pass over a job:
 * 1. settle pods counted before; note newly finished ones;
 * 2. decide whether the job failed or succeeded; if not, create or delete pods;
 * 3. write the status, with the UIDs of the noted pods;
 * 4. only then remove their finalizers;
 * 5. settle them, and finish the job if no pod is left to wait for.
 */
export async function syncJob(pass: JobPass): Promise<Outcome> {
  const { pods } = pass;
  const tally = readTally(pass.job);
  settle(tally, pods, new Set());
  const release = noteFinished(pass.job, tally, pods);
  const conditions = startConditions(pass);
  const active = pods.filter(isPodActive);
  const terminating = pods.filter(isPodTerminating);
  let decided = decidedCondition(conditions);
  if (!decided) {
    decided = decide(
      pass.job,
      {
        active: active.length,
        succeeded: succeededCount(pass.job, tally),
        failed: failedCount(tally),
        succeededIndexes: tally.succeededIndexes,
        failedIndexes: tally.failedIndexes,
      },
      pods.filter((pod) => isFailed(pass.job, pod)),
      active,
      pass.nowMs,
    );
  }
  let effect: Effect = { created: 0, deleted: [] };
  if (decided) {
    effect = { created: 0, deleted: active, error: await removePods(pass, active) };
  } else if (pass.expectations.satisfied(pass.key) && !pass.job.metadata.deletionTimestamp) {
    effect = await managePods(pass, tally, active, terminating);
  }
  const nowConditions = decided && !decidedCondition(conditions) ? [...conditions, decided] : conditions;
  const podCounts = {
    active: active.length + effect.created - effect.deleted.length,
    ready: active.filter((pod) => isPodReady(pod) && !effect.deleted.includes(pod)).length,
    terminating: terminating.length + effect.deleted.length,
  };
  await writeStatus(pass, tally, nowConditions, podCounts);

  const released = await pass.podControl.release(release);
  settle(tally, pods, released);
  const pending = pods.some((pod) => isTracked(pod) && !released.has(pod.metadata.uid));
  if (decided && podCounts.active === 0 && podCounts.terminating === 0 && !pending) {
    await finish(pass, tally, nowConditions, decided, podCounts);
  } else {
    await writeStatus(pass, tally, nowConditions, podCounts);
  }
  if (effect.error !== undefined && !hasStatusCause(effect.error, 'NamespaceTerminating')) throw effect.error;
  return nextLook(pass, effect);
}

interface Effect {
  created: number;
  deleted: Pod[];
  waitMs?: number;
  error?: unknown;
}

interface PodCounts {
  active: number;
  ready: number;
  terminating: number;
}

/** Conditions with Suspended brought up to date. Suspending takes the start time away, resuming sets it anew. */
function startConditions(pass: JobPass): V1JobCondition[] {
  const { job, recorder } = pass;
  const conditions = job.status?.conditions ?? [];
  const suspended = findCondition(conditions, 'Suspended');
  if (decidedCondition(conditions)) return conditions;
  if (job.spec.suspend) {
    if (suspended?.status === 'True') return conditions;
    recorder.event(job, 'Normal', 'Suspended', 'Job suspended');
    pass.job = { ...job, status: { ...job.status, startTime: undefined } };
    return [
      ...withoutCondition(conditions, 'Suspended'),
      jobCondition('Suspended', 'True', 'JobSuspended', 'Job suspended'),
    ];
  }
  if (suspended?.status === 'True') {
    recorder.event(job, 'Normal', 'Resumed', 'Job resumed');
    pass.job = { ...job, status: { ...job.status, startTime: nowSecond() } };
    return [
      ...withoutCondition(conditions, 'Suspended'),
      jobCondition('Suspended', 'False', 'JobResumed', 'Job resumed'),
    ];
  }
  if (!job.status?.startTime) pass.job = { ...job, status: { ...job.status, startTime: nowSecond() } };
  return conditions;
}

async function managePods(pass: JobPass, tally: Tally, active: Pod[], terminating: Pod[]): Promise<Effect> {
  const { job, key, pods, expectations, podControl, nowMs } = pass;
  const plan = planPods(job, active, terminating, tally, succeededCount(job, tally), nowMs);
  if (plan.delete.length > 0) {
    return { created: 0, deleted: plan.delete, error: await removePods(pass, plan.delete) };
  }
  if (plan.create === 0) return { created: 0, deleted: [] };
  const failed = (pod: Pod): boolean => isFailed(job, pod);
  // Jobs with a limit an index wait for each index by itself.
  let indexes = plan.indexes;
  let waitMs: number | undefined;
  if (job.spec.backoffLimitPerIndex !== undefined && isIndexed(job)) {
    const delays = new Map(
      indexes.map((index) => {
        const last = lastFailure(job, pods, index);
        return [index, last ? creationDelayMs([last], failed, nowMs) : 0];
      }),
    );
    indexes = indexes.filter((index) => delays.get(index) === 0);
    const waits = [...delays.values()].filter((ms) => ms > 0);
    waitMs = waits.length > 0 ? Math.min(...waits) : undefined;
    if (indexes.length === 0) return { created: 0, deleted: [], waitMs };
  } else {
    waitMs = creationDelayMs(pods, failed, nowMs);
    if (waitMs > 0) return { created: 0, deleted: [], waitMs };
    waitMs = undefined;
  }
  const count = isIndexed(job) ? indexes.length : plan.create;
  expectations.expectCreations(key, count);
  const { successes, error } = await slowStartBatch(count, async (i) => {
    const index = indexes[i];
    const last = index === undefined ? undefined : lastFailure(job, pods, index);
    const failures = job.spec.backoffLimitPerIndex === undefined ? undefined : last ? indexFailures(job, last) : 0;
    await podControl.create(job, index, failures);
  });
  expectations.creationObserved(key, count - successes);
  return { created: successes, deleted: [], waitMs, error };
}

async function removePods({ job, key, expectations, podControl }: JobPass, pods: Pod[]): Promise<unknown> {
  if (pods.length === 0) return undefined;
  expectations.expectDeletions(
    key,
    pods.map((pod) => pod.metadata.uid),
  );
  const errors = await Promise.all(
    pods.map(async (pod) => {
      const error = await podControl.delete(job, pod);
      if (error !== undefined) expectations.deletionObserved(key, pod.metadata.uid);
      return error;
    }),
  );
  return errors.find((error) => error !== undefined);
}

async function finish(
  pass: JobPass,
  tally: Tally,
  conditions: V1JobCondition[],
  decided: V1JobCondition,
  counts: PodCounts,
): Promise<void> {
  const final = finalCondition(decided);
  const complete = final.type === 'Complete';
  const completionTime = complete ? nowSecond() : undefined;
  await writeStatus(pass, tally, [...conditions, final], counts, completionTime);
  if (complete) pass.recorder.event(pass.job, 'Normal', 'Completed', 'Job completed');
  else pass.recorder.event(pass.job, 'Warning', final.reason ?? '', final.message ?? '');
}

async function writeStatus(
  pass: JobPass,
  tally: Tally,
  conditions: V1JobCondition[],
  counts: PodCounts,
  completionTime?: string,
): Promise<void> {
  const { job } = pass;
  const indexed = isIndexed(job);
  const status: V1JobStatus = {
    ...(conditions.length > 0 && { conditions }),
    ...omitEmpty({
      startTime: job.status?.startTime,
      completionTime,
      active: counts.active,
      succeeded: indexed ? tally.succeededIndexes.size : tally.succeeded,
      failed: tally.failed,
      completedIndexes: indexed ? formatIndexes(tally.succeededIndexes) : undefined,
    }),
    ...(indexed &&
      job.spec.backoffLimitPerIndex !== undefined && { failedIndexes: formatIndexes(tally.failedIndexes) }),
    ready: counts.ready,
    terminating: counts.terminating,
    uncountedTerminatedPods: uncountedStatus(tally),
  };
  if (semanticEqual(pass.written ?? {}, status)) return;
  pass.job = (await pass.jobs.namespace(job.metadata.namespace).updateStatus({ ...job, status })) as Job;
  pass.written = pass.job.status;
  pass.wrote(pass.job);
}

/** When the job must be looked at again without any event: at its deadline, or when a new pod may be created. */
function nextLook(pass: JobPass, effect: Effect): Outcome {
  const deadline = deadlineMs(pass.job);
  const waits = [deadline === undefined ? undefined : deadline - pass.nowMs, effect.waitMs].flatMap((ms) =>
    ms === undefined ? [] : [Math.max(ms, 0) + 1],
  );
  if (!pass.expectations.satisfied(pass.key)) waits.push(pass.expectations.expiresInMs(pass.key));
  return waits.length > 0 ? { requeueAfterMs: Math.min(...waits) } : undefined;
}
