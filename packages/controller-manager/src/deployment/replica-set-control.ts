import type { V1Deployment, V1ReplicaSet } from '@kubelab/api';
import { hasStatusCause, isAlreadyExists } from '@kubelab/apimachinery';
import { type Client, type EventRecorder, gvr, type ResourceClient } from '@kubelab/client';
import { findCondition, withCondition } from '../framework/conditions.js';
import type { Deployment, ReplicaSet } from '../framework/kinds.js';
import { controllerOf, controllerRef } from '../framework/owner-reference.js';
import { messageOf } from '../framework/pod-control.js';
import { templateHash } from '../framework/template-hash.js';
import { maxRevision, newSetAnnotations, replicasAnnotations, revisionAnnotation } from './annotations.js';
import { equalIgnoringHash, findNewSet, findOldSets, podTemplateHashLabel, specReplicas } from './replica-sets.js';
import { newSetReplicas } from './rolling-update.js';
import { deploymentCondition, hasProgressDeadline } from './status.js';

const maxNameLength = 253;

/** The writes of the deployment controller. Each returns the object as the server has it after the write. */
export class ReplicaSetControl {
  private readonly sets: ResourceClient<V1ReplicaSet>;
  private readonly deployments: ResourceClient<V1Deployment>;

  constructor(
    client: Client,
    private readonly recorder: EventRecorder,
  ) {
    this.sets = client.resource<V1ReplicaSet>(gvr.replicasets);
    this.deployments = client.resource<V1Deployment>(gvr.deployments);
  }

  async updateStatus(d: Deployment): Promise<Deployment> {
    return (await this.deployments.namespace(d.metadata.namespace).updateStatus(d)) as Deployment;
  }

  async delete(rs: ReplicaSet): Promise<void> {
    await this.sets
      .namespace(rs.metadata.namespace)
      .delete(rs.metadata.name, { preconditions: { uid: rs.metadata.uid } });
  }

  /** Gives the set its size and the annotations that go with it; an event tells of a change of size. */
  async scale(d: Deployment, rs: ReplicaSet, replicas: number): Promise<ReplicaSet> {
    const before = specReplicas(rs);
    const annotations = { ...rs.metadata.annotations, ...replicasAnnotations(d) };
    const annotationsDiffer = Object.entries(annotations).some(
      ([key, value]) => rs.metadata.annotations?.[key] !== value,
    );
    if (before === replicas && !annotationsDiffer) return rs;
    const wanted: ReplicaSet = {
      ...rs,
      metadata: { ...rs.metadata, annotations },
      spec: { ...rs.spec, replicas },
    };
    const updated = (await this.sets.namespace(rs.metadata.namespace).update(wanted)) as ReplicaSet;
    if (before !== replicas) {
      const direction = before < replicas ? 'up' : 'down';
      const message = `Scaled ${direction} replica set ${rs.metadata.name} from ${before} to ${replicas}`;
      this.recorder.event(d, 'Normal', 'ScalingReplicaSet', message);
    }
    return updated;
  }

  /**
   * Finds the deployment's new replica set and brings its annotations up to date; creates it if there is none and
   * `create` is set. Keeps the deployment's revision annotation equal to the set's.
   */
  async syncNewSet(
    d: Deployment,
    sets: ReplicaSet[],
    create: boolean,
  ): Promise<{ d: Deployment; newSet?: ReplicaSet; oldSets: ReplicaSet[] }> {
    const found = findNewSet(d, sets);
    const oldSets = findOldSets(sets, found);
    const revision = maxRevision(oldSets) + 1n;
    if (found) {
      const newSet = await this.updateNewSet(d, found, revision);
      const setRevision = newSet.metadata.annotations?.[revisionAnnotation] ?? '';
      let next = withRevision(d, setRevision);
      if (hasProgressDeadline(d) && !findCondition(d.status?.conditions, 'Progressing')) {
        const message = `Found new replica set "${found.metadata.name}"`;
        next = withProgress(next, 'True', 'FoundNewReplicaSet', message);
      }
      return { d: next === d ? d : await this.updateStatus(next), newSet, oldSets };
    }
    if (!create) return { d, oldSets };
    return { ...(await this.createNewSet(d, sets, revision)), oldSets };
  }

  private async updateNewSet(d: Deployment, rs: ReplicaSet, revision: bigint): Promise<ReplicaSet> {
    const annotations = newSetAnnotations(d, rs.metadata.annotations, revision, true);
    const before = rs.metadata.annotations ?? {};
    const changed = Object.keys(annotations).some((key) => annotations[key] !== before[key]);
    const minReady = d.spec.minReadySeconds ?? 0;
    if (!changed && (rs.spec.minReadySeconds ?? 0) === minReady) return rs;
    const wanted: ReplicaSet = {
      ...rs,
      metadata: { ...rs.metadata, annotations },
      spec: { ...rs.spec, minReadySeconds: minReady },
    };
    return (await this.sets.namespace(rs.metadata.namespace).update(wanted)) as ReplicaSet;
  }

  private async createNewSet(
    d: Deployment,
    sets: ReplicaSet[],
    revision: bigint,
  ): Promise<{ d: Deployment; newSet?: ReplicaSet }> {
    const draft = newReplicaSet(d, sets, revision);
    const replicas = draft.spec?.replicas ?? 0;
    let created: ReplicaSet;
    let existed = false;
    try {
      created = (await this.sets.namespace(d.metadata.namespace).create(draft)) as ReplicaSet;
    } catch (error) {
      if (isAlreadyExists(error)) {
        created = await this.existingOrCollision(d, draft, error);
        existed = true;
      } else {
        await this.reportCreateError(d, draft, error);
        throw error;
      }
    }
    const name = created.metadata.name;
    if (!existed && replicas > 0) {
      this.recorder.event(d, 'Normal', 'ScalingReplicaSet', `Scaled up replica set ${name} from 0 to ${replicas}`);
    }
    let next = withRevision(d, String(revision));
    if (!existed && hasProgressDeadline(d)) {
      next = withProgress(next, 'True', 'NewReplicaSetCreated', `Created new replica set "${name}"`);
    }
    return { d: next === d ? d : await this.updateStatus(next), newSet: created };
  }

  /** The name is taken: by our own set (the cache was stale), or by another template with the same hash. */
  private async existingOrCollision(d: Deployment, draft: V1ReplicaSet, error: unknown): Promise<ReplicaSet> {
    const existing = (await this.sets.namespace(d.metadata.namespace).get(draft.metadata?.name ?? '')) as ReplicaSet;
    const ours = controllerOf(existing)?.uid === d.metadata.uid;
    if (ours && existing.spec.template && equalIgnoringHash(existing.spec.template, d.spec.template)) return existing;
    // Counted in the status, so that the next hash differs.
    const collisionCount = (d.status?.collisionCount ?? 0) + 1;
    await this.updateStatus({ ...d, status: { ...d.status, collisionCount } });
    throw error;
  }

  private async reportCreateError(d: Deployment, draft: V1ReplicaSet, error: unknown): Promise<void> {
    if (hasStatusCause(error, 'NamespaceTerminating')) return;
    const message = `Failed to create new replica set "${draft.metadata?.name}": ${messageOf(error)}`;
    this.recorder.event(d, 'Warning', 'ReplicaSetCreateError', message);
    if (hasProgressDeadline(d)) {
      const next = withProgress(d, 'False', 'ReplicaSetCreateError', message);
      if (next !== d) await this.updateStatus(next);
    }
  }
}

function newReplicaSet(d: Deployment, sets: ReplicaSet[], revision: bigint): V1ReplicaSet {
  const hash = templateHash(d.spec.template, d.status?.collisionCount);
  const labels = { ...d.spec.template.metadata?.labels, [podTemplateHashLabel]: hash };
  return {
    apiVersion: 'apps/v1',
    kind: 'ReplicaSet',
    metadata: {
      name: `${d.metadata.name.slice(0, maxNameLength - hash.length - 1)}-${hash}`,
      namespace: d.metadata.namespace,
      labels,
      annotations: newSetAnnotations(d, undefined, revision, false),
      ownerReferences: [controllerRef(d)],
    },
    spec: {
      replicas: newSetReplicas(d, sets, 0),
      ...(d.spec.minReadySeconds && { minReadySeconds: d.spec.minReadySeconds }),
      selector: {
        ...d.spec.selector,
        matchLabels: { ...d.spec.selector.matchLabels, [podTemplateHashLabel]: hash },
      },
      template: { ...d.spec.template, metadata: { ...d.spec.template.metadata, labels } },
    },
  };
}

function withRevision(d: Deployment, revision: string): Deployment {
  if (d.metadata.annotations?.[revisionAnnotation] === revision) return d;
  const annotations = { ...d.metadata.annotations, [revisionAnnotation]: revision };
  return { ...d, metadata: { ...d.metadata, annotations } };
}

/** The deployment with its Progressing condition set; itself if it had it already. */
export function withProgress(d: Deployment, status: string, reason: string, message: string): Deployment {
  const current = findCondition(d.status?.conditions, 'Progressing');
  if (current?.status === status && current.reason === reason) return d;
  const conditions = withCondition(d.status?.conditions, deploymentCondition('Progressing', status, reason, message));
  return { ...d, status: { ...d.status, conditions } };
}
