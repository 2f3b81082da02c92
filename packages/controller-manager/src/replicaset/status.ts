import type { V1ReplicaSetCondition, V1ReplicaSetStatus } from '@kubelab/api';
import { nowSecond } from '@kubelab/apimachinery';
import { omitEmpty } from '../framework/canonical.js';
import { findCondition, withCondition, withoutCondition } from '../framework/conditions.js';
import type { Pod, ReplicaSet } from '../framework/kinds.js';
import { messageOf } from '../framework/pod-control.js';
import { isPodAvailable, isPodReady } from '../framework/pods.js';

/** The status that follows from the set's active pods and from what the last attempt to change them ended in. */
export function calculateStatus(rs: ReplicaSet, pods: Pod[], manageError: unknown, nowMs: number): V1ReplicaSetStatus {
  const templateLabels = Object.entries(rs.spec.template?.metadata?.labels ?? {});
  const minReady = rs.spec.minReadySeconds ?? 0;
  const labelled = (pod: Pod): boolean => templateLabels.every(([key, value]) => pod.metadata.labels?.[key] === value);
  const counts = {
    fullyLabeledReplicas: pods.filter(labelled).length,
    readyReplicas: pods.filter(isPodReady).length,
    availableReplicas: pods.filter((pod) => isPodAvailable(pod, minReady, nowMs)).length,
    observedGeneration: rs.metadata.generation,
  };
  const conditions = conditionsAfter(rs, pods, manageError);
  return { replicas: pods.length, ...omitEmpty(counts), ...(conditions.length > 0 && { conditions }) };
}

function conditionsAfter(rs: ReplicaSet, pods: Pod[], manageError: unknown): V1ReplicaSetCondition[] {
  const before = rs.status?.conditions;
  if (manageError === undefined) return withoutCondition(before, 'ReplicaFailure');
  if (findCondition(before, 'ReplicaFailure')) return [...(before ?? [])];
  return withCondition(before, {
    type: 'ReplicaFailure',
    status: 'True',
    reason: pods.length < (rs.spec.replicas ?? 1) ? 'FailedCreate' : 'FailedDelete',
    message: messageOf(manageError),
    lastTransitionTime: nowSecond(),
  });
}
