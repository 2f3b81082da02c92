import type { V1Deployment } from '@kubelab/api';
import { isNotFound, semanticEqual } from '@kubelab/apimachinery';
import type { EventRecorder, ResourceClient } from '@kubelab/client';
import { findCondition } from '../framework/conditions.js';
import type { Deployment, Pod, ReplicaSet } from '../framework/kinds.js';
import { isPodTerminal } from '../framework/pods.js';
import type { Outcome } from '../framework/reconciler.js';
import { desiredReplicasAnnotation, rollbackToAnnotation } from './annotations.js';
import { isRollingUpdate } from './fenceposts.js';
import { proportionalScaling } from './proportional.js';
import { type ReplicaSetControl, withProgress } from './replica-set-control.js';
import {
  activeSets,
  actualReplicas,
  byRevision,
  deploymentReplicas,
  findActiveOrLatest,
  findNewSet,
  isSaturated,
  specReplicas,
} from './replica-sets.js';
import { rollback } from './rollback.js';
import { newSetReplicas, scaleDownOldSets } from './rolling-update.js';
import {
  calculateStatus,
  deploymentComplete,
  hasProgressDeadline,
  recheckAfterMs,
  withRolloutConditions,
} from './status.js';

/** One pass over a deployment: its state now, and the means to change it. */
export interface Pass {
  control: ReplicaSetControl;
  deployments: ResourceClient<V1Deployment>;
  recorder: EventRecorder;
  d: Deployment;
  /** Sets owned by the deployment. */
  sets: ReplicaSet[];
  /** Pods of all the deployment's sets. */
  pods: Pod[];
  nowMs: number;
}

/** Decides what the deployment needs and does one step of it; the writes' echoes bring the next. */
export async function syncDeployment(pass: Pass): Promise<Outcome> {
  if (pass.d.metadata.deletionTimestamp) return syncStatusOnly(pass);
  pass.d = await syncPausedCondition(pass.control, pass.d);
  if (pass.d.spec.paused) return syncScaleOnly(pass);
  if (pass.d.metadata.annotations?.[rollbackToAnnotation] !== undefined) {
    await rollback(pass);
    return undefined;
  }
  if (isScalingEvent(pass)) return syncScaleOnly(pass);
  return isRollingUpdate(pass.d) ? rollingUpdate(pass) : recreate(pass);
}

async function syncStatusOnly(pass: Pass): Promise<Outcome> {
  await writeStatus(pass, calculateStatus(pass.d, pass.sets, findNewSet(pass.d, pass.sets)));
  return undefined;
}

/** A change of `spec.replicas` reaches the sets before anything else goes on. */
function isScalingEvent({ d, sets }: Pass): boolean {
  return activeSets(sets).some((rs) => {
    const desired = rs.metadata.annotations?.[desiredReplicasAnnotation];
    return desired !== undefined && Number(desired) !== deploymentReplicas(d);
  });
}

async function syncScaleOnly(pass: Pass): Promise<Outcome> {
  const { control } = pass;
  const { d, newSet, oldSets } = await control.syncNewSet(pass.d, pass.sets, false);
  pass.d = d;
  const scaled = new Map<string, ReplicaSet>();
  const scale = async (rs: ReplicaSet, replicas: number): Promise<void> => {
    scaled.set(rs.metadata.uid, await control.scale(d, rs, replicas));
  };
  const only = findActiveOrLatest(newSet, oldSets);
  if (only) {
    if (specReplicas(only) !== deploymentReplicas(d)) await scale(only, deploymentReplicas(d));
    else await scale(only, specReplicas(only));
  } else if (isSaturated(d, newSet)) {
    for (const rs of activeSets(oldSets)) await scale(rs, 0);
  } else if (isRollingUpdate(d)) {
    const all = newSet ? [...oldSets, newSet] : oldSets;
    for (const { set, replicas } of proportionalScaling(d, all)) await scale(set, replicas);
  }
  const current = (rs: ReplicaSet): ReplicaSet => scaled.get(rs.metadata.uid) ?? rs;
  const newNow = newSet && current(newSet);
  const oldNow = oldSets.map(current);
  if (d.spec.paused) await cleanUp(pass, oldNow);
  const all = newNow ? [...oldNow, newNow] : oldNow;
  await writeStatus(pass, calculateStatus(d, all, newNow));
  return undefined;
}

async function rollingUpdate(pass: Pass): Promise<Outcome> {
  const { control } = pass;
  const { d, newSet, oldSets } = await control.syncNewSet(pass.d, pass.sets, true);
  pass.d = d;
  if (!newSet) return undefined;
  const all = [...oldSets, newSet];
  const wanted =
    specReplicas(newSet) > deploymentReplicas(d) ? deploymentReplicas(d) : newSetReplicas(d, all, specReplicas(newSet));
  if (wanted !== specReplicas(newSet)) {
    const scaled = await control.scale(d, newSet, wanted);
    return rolloutStatus(pass, oldSets, scaled);
  }
  const downs = scaleDownOldSets(d, all, activeSets(oldSets), newSet);
  if (downs.length > 0) {
    const sizes = new Map<string, ReplicaSet>();
    for (const { set, replicas } of downs) sizes.set(set.metadata.uid, await control.scale(d, set, replicas));
    const oldNow = oldSets.map((rs) => sizes.get(rs.metadata.uid) ?? rs);
    return rolloutStatus(pass, oldNow, newSet);
  }
  if (deploymentComplete(d, d.status ?? {})) await cleanUp(pass, oldSets);
  return rolloutStatus(pass, oldSets, newSet);
}

async function recreate(pass: Pass): Promise<Outcome> {
  const { control } = pass;
  const first = await control.syncNewSet(pass.d, pass.sets, false);
  pass.d = first.d;
  const active = activeSets(first.oldSets);
  if (active.length > 0) {
    const oldNow: ReplicaSet[] = [];
    for (const rs of first.oldSets) oldNow.push(active.includes(rs) ? await control.scale(pass.d, rs, 0) : rs);
    return rolloutStatus(pass, oldNow, first.newSet);
  }
  if (oldPodsRunning(pass, first.newSet, first.oldSets)) return rolloutStatus(pass, first.oldSets, first.newSet);
  const { d, newSet, oldSets } = first.newSet ? first : await control.syncNewSet(pass.d, pass.sets, true);
  pass.d = d;
  if (!newSet) return undefined;
  const scaled = await control.scale(d, newSet, deploymentReplicas(d));
  if (deploymentComplete(d, d.status ?? {})) await cleanUp(pass, oldSets);
  return rolloutStatus(pass, oldSets, scaled);
}

/** Whether pods of another template may still run: Recreate promises that never two versions do at once. */
function oldPodsRunning({ pods }: Pass, newSet: ReplicaSet | undefined, oldSets: ReplicaSet[]): boolean {
  if (actualReplicas(oldSets) > 0) return true;
  return pods.some(
    (pod) =>
      !isPodTerminal(pod) &&
      !pod.metadata.ownerReferences?.some((owner) => owner.controller && owner.uid === newSet?.metadata.uid),
  );
}

async function rolloutStatus(pass: Pass, oldSets: ReplicaSet[], newSet: ReplicaSet | undefined): Promise<Outcome> {
  const all = newSet ? [...oldSets, newSet] : oldSets;
  const status = withRolloutConditions(pass.d, calculateStatus(pass.d, all, newSet), all, newSet, pass.nowMs);
  const wrote = await writeStatus(pass, status);
  if (wrote) return undefined;
  const requeueAfterMs = recheckAfterMs(pass.d, status, pass.nowMs);
  return requeueAfterMs === undefined ? undefined : { requeueAfterMs };
}

async function writeStatus(pass: Pass, status: Deployment['status']): Promise<boolean> {
  if (semanticEqual(pass.d.status ?? {}, status)) return false;
  pass.d = await pass.control.updateStatus({ ...pass.d, status });
  return true;
}

/** Deletes the oldest sets beyond revisionHistoryLimit that have and want no pods. */
async function cleanUp({ control, d }: Pass, oldSets: ReplicaSet[]): Promise<void> {
  const limit = d.spec.revisionHistoryLimit ?? 10;
  if (limit === 2 ** 31 - 1) return;
  const candidates = oldSets.filter((rs) => !rs.metadata.deletionTimestamp).sort(byRevision);
  for (const rs of candidates.slice(0, Math.max(0, candidates.length - limit))) {
    const settled = (rs.metadata.generation ?? 0) <= (rs.status?.observedGeneration ?? 0);
    if ((rs.status?.replicas ?? 0) !== 0 || specReplicas(rs) !== 0 || !settled) continue;
    try {
      await control.delete(rs);
    } catch (error) {
      if (!isNotFound(error)) throw error;
    }
  }
}

/** A paused rollout's deadline does not run; the condition says so. */
async function syncPausedCondition(control: ReplicaSetControl, d: Deployment): Promise<Deployment> {
  if (!hasProgressDeadline(d)) return d;
  const reason = findCondition(d.status?.conditions, 'Progressing')?.reason;
  if (reason === 'ProgressDeadlineExceeded') return d;
  const noted = reason === 'DeploymentPaused';
  if (d.spec.paused && !noted) {
    return control.updateStatus(withProgress(d, 'Unknown', 'DeploymentPaused', 'Deployment is paused'));
  }
  if (!d.spec.paused && noted) {
    return control.updateStatus(withProgress(d, 'Unknown', 'DeploymentResumed', 'Deployment is resumed'));
  }
  return d;
}
