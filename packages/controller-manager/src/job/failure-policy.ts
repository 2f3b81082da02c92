import type { V1ContainerStatus, V1PodFailurePolicyOnExitCodesRequirement } from '@kubelab/api';
import type { Job, Pod } from '../framework/kinds.js';

export type FailureAction = 'FailJob' | 'FailIndex' | 'Ignore' | 'Count';

export interface FailureVerdict {
  action: FailureAction;
  message: string;
}

/** What the job's podFailurePolicy says of a failed pod; the first matching rule decides, without one it counts. */
export function judgeFailure(job: Job, pod: Pod): FailureVerdict {
  for (const [index, rule] of (job.spec.podFailurePolicy?.rules ?? []).entries()) {
    const where = `matching ${rule.action} rule at index ${index}`;
    const subject = `${pod.metadata.namespace}/${pod.metadata.name}`;
    if (rule.onExitCodes) {
      const container = matchingContainer(pod, rule.onExitCodes);
      if (!container) continue;
      const code = container.state?.terminated?.exitCode;
      const message = `Container ${container.name} for pod ${subject} failed with exit code ${code} ${where}`;
      return { action: rule.action as FailureAction, message };
    }
    for (const pattern of rule.onPodConditions ?? []) {
      const found = pod.status?.conditions?.find(
        ({ type, status }) => type === pattern.type && status === (pattern.status ?? 'True'),
      );
      if (!found) continue;
      const message = `Pod ${subject} has condition ${found.type} ${where}`;
      return { action: rule.action as FailureAction, message };
    }
  }
  return { action: 'Count', message: '' };
}

function matchingContainer(pod: Pod, rule: V1PodFailurePolicyOnExitCodesRequirement): V1ContainerStatus | undefined {
  const statuses = [...(pod.status?.containerStatuses ?? []), ...(pod.status?.initContainerStatuses ?? [])];
  return statuses.find(({ name, state }) => {
    if (rule.containerName !== undefined && rule.containerName !== name) return false;
    const code = state?.terminated?.exitCode;
    // Success is never a failure, not even by NotIn.
    if (code === undefined || code === 0) return false;
    return rule.operator === 'In' ? rule.values.includes(code) : !rule.values.includes(code);
  });
}
