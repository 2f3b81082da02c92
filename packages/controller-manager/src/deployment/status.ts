import type { V1DeploymentCondition, V1DeploymentStatus } from '@kubelab/api';
import { nowSecond } from '@kubelab/apimachinery';
import { omitEmpty } from '../framework/canonical.js';
import { findCondition, withCondition, withoutCondition } from '../framework/conditions.js';
import type { Deployment, ReplicaSet } from '../framework/kinds.js';
import { maxUnavailable } from './fenceposts.js';
import { actualReplicas, availableReplicas, deploymentReplicas, readyReplicas, totalReplicas } from './replica-sets.js';

/** MaxInt32 seconds means that no one asked for a deadline. */
const noDeadline = 2 ** 31 - 1;

export const hasProgressDeadline = (d: Deployment): boolean => (d.spec.progressDeadlineSeconds ?? 600) !== noDeadline;

export const progressDeadlineMs = (d: Deployment): number => (d.spec.progressDeadlineSeconds ?? 600) * 1000;

export function deploymentCondition(
  type: string,
  status: string,
  reason: string,
  message: string,
): V1DeploymentCondition {
  const now = nowSecond();
  return { type, status, lastUpdateTime: now, lastTransitionTime: now, reason, message };
}

/** The status that follows from the replica sets, with the Available condition; other conditions are kept. */
export function calculateStatus(
  d: Deployment,
  allSets: ReplicaSet[],
  newSet: ReplicaSet | undefined,
): V1DeploymentStatus {
  const available = availableReplicas(allSets);
  const enough = available >= deploymentReplicas(d) - maxUnavailable(d);
  const condition = enough
    ? deploymentCondition('Available', 'True', 'MinimumReplicasAvailable', 'Deployment has minimum availability.')
    : deploymentCondition(
        'Available',
        'False',
        'MinimumReplicasUnavailable',
        'Deployment does not have minimum availability.',
      );
  return {
    ...omitEmpty({
      observedGeneration: d.metadata.generation,
      replicas: actualReplicas(allSets),
      updatedReplicas: actualReplicas([newSet]),
      readyReplicas: readyReplicas(allSets),
      availableReplicas: available,
      unavailableReplicas: Math.max(0, totalReplicas(allSets) - available),
      collisionCount: d.status?.collisionCount,
    }),
    conditions: withCondition(d.status?.conditions, condition),
  };
}

/** All replicas are of the new template and available. */
export function deploymentComplete(d: Deployment, status: V1DeploymentStatus): boolean {
  const wanted = deploymentReplicas(d);
  return (
    (status.updatedReplicas ?? 0) === wanted &&
    (status.replicas ?? 0) === wanted &&
    (status.availableReplicas ?? 0) === wanted &&
    (status.observedGeneration ?? 0) >= (d.metadata.generation ?? 0)
  );
}

function progressing(before: V1DeploymentStatus, now: V1DeploymentStatus): boolean {
  const old = (status: V1DeploymentStatus): number => (status.replicas ?? 0) - (status.updatedReplicas ?? 0);
  return (
    (now.updatedReplicas ?? 0) > (before.updatedReplicas ?? 0) ||
    old(now) < old(before) ||
    (now.readyReplicas ?? 0) > (before.readyReplicas ?? 0) ||
    (now.availableReplicas ?? 0) > (before.availableReplicas ?? 0)
  );
}

function timedOut(d: Deployment, status: V1DeploymentStatus, nowMs: number): boolean {
  const condition = findCondition(status.conditions, 'Progressing');
  if (!condition || condition.reason === 'NewReplicaSetAvailable') return false;
  if (condition.reason === 'ProgressDeadlineExceeded') return true;
  return Date.parse(condition.lastUpdateTime ?? '') + progressDeadlineMs(d) < nowMs;
}

/** Adds the Progressing and ReplicaFailure conditions of a rollout to a calculated status. */
export function withRolloutConditions(
  d: Deployment,
  status: V1DeploymentStatus,
  allSets: ReplicaSet[],
  newSet: ReplicaSet | undefined,
  nowMs: number,
): V1DeploymentStatus {
  let conditions = status.conditions ?? [];
  if (!hasProgressDeadline(d)) conditions = withoutCondition(conditions, 'Progressing');
  const current = findCondition(d.status?.conditions, 'Progressing');
  const wasComplete =
    (status.replicas ?? 0) === (status.updatedReplicas ?? 0) && current?.reason === 'NewReplicaSetAvailable';
  if (hasProgressDeadline(d) && !wasComplete) {
    const subject = newSet ? `ReplicaSet "${newSet.metadata.name}"` : `Deployment "${d.metadata.name}"`;
    if (deploymentComplete(d, status)) {
      conditions = withCondition(
        conditions,
        deploymentCondition('Progressing', 'True', 'NewReplicaSetAvailable', `${subject} has successfully progressed.`),
      );
    } else if (progressing(d.status ?? {}, status)) {
      const next = deploymentCondition('Progressing', 'True', 'ReplicaSetUpdated', `${subject} is progressing.`);
      // Replaced even if equal, so that lastUpdateTime moves with the progress: the deadline counts from it.
      if (current?.status === 'True') next.lastTransitionTime = current.lastTransitionTime;
      conditions = [...withoutCondition(conditions, 'Progressing'), next];
    } else if (timedOut(d, status, nowMs)) {
      conditions = withCondition(
        conditions,
        deploymentCondition(
          'Progressing',
          'False',
          'ProgressDeadlineExceeded',
          `${subject} has timed out progressing.`,
        ),
      );
    }
  }
  const failure = replicaFailure(allSets, newSet);
  conditions = failure ? withCondition(conditions, failure) : withoutCondition(conditions, 'ReplicaFailure');
  return { ...status, conditions };
}

/** The ReplicaFailure condition of the new set, or of any set if there is no new one. */
function replicaFailure(allSets: ReplicaSet[], newSet: ReplicaSet | undefined): V1DeploymentCondition | undefined {
  const candidates = newSet ? [newSet, ...allSets] : allSets;
  for (const rs of candidates) {
    const failure = findCondition(rs.status?.conditions, 'ReplicaFailure');
    if (failure) {
      return {
        type: 'ReplicaFailure',
        status: failure.status,
        reason: failure.reason,
        message: failure.message,
        lastTransitionTime: failure.lastTransitionTime,
        lastUpdateTime: failure.lastTransitionTime,
      };
    }
  }
  return undefined;
}

/** Milliseconds after which a rollout that shows no progress must be looked at again, if it has a deadline. */
export function recheckAfterMs(d: Deployment, status: V1DeploymentStatus, nowMs: number): number | undefined {
  const condition = findCondition(status.conditions, 'Progressing');
  if (!hasProgressDeadline(d) || !condition) return undefined;
  if (deploymentComplete(d, status) || condition.reason === 'ProgressDeadlineExceeded') return undefined;
  if (condition.reason === 'NewReplicaSetAvailable') return undefined;
  const left = Date.parse(condition.lastUpdateTime ?? '') + progressDeadlineMs(d) - nowMs;
  return Math.max(left, 0) + 1000;
}
