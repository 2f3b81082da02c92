import type { V1JobCondition } from '@kubelab/api';
import { nowSecond } from '@kubelab/apimachinery';
import { findCondition } from '../framework/conditions.js';
import type { Job } from '../framework/kinds.js';

export function jobCondition(type: string, status: string, reason: string, message: string): V1JobCondition {
  const now = nowSecond();
  return { type, status, lastProbeTime: now, lastTransitionTime: now, reason, message };
}

const isTrue = (conditions: V1JobCondition[] | undefined, type: string): boolean =>
  findCondition(conditions, type)?.status === 'True';

/** Complete or Failed: nothing more will happen to the job. */
export function isFinished(job: Pick<Job, 'status'>): boolean {
  return isTrue(job.status?.conditions, 'Complete') || isTrue(job.status?.conditions, 'Failed');
}

/** Decided but not finished yet: pods are still ending. */
export function decidedCondition(conditions: V1JobCondition[] | undefined): V1JobCondition | undefined {
  return conditions?.find(
    ({ type, status }) => status === 'True' && (type === 'FailureTarget' || type === 'SuccessCriteriaMet'),
  );
}

/** The final condition that follows from the decision. */
export function finalCondition(decided: V1JobCondition): V1JobCondition {
  const type = decided.type === 'FailureTarget' ? 'Failed' : 'Complete';
  return jobCondition(type, 'True', decided.reason ?? '', decided.message ?? '');
}
