import type { V1PodTemplateSpec } from '@kubelab/api';
import { semanticEqual } from '@kubelab/apimachinery';
import { canonical } from '../framework/canonical.js';
import type { Deployment, ReplicaSet } from '../framework/kinds.js';
import { revisionOf } from './annotations.js';

export const podTemplateHashLabel = 'pod-template-hash';

export const specReplicas = (rs: ReplicaSet): number => rs.spec.replicas ?? 1;
export const deploymentReplicas = (d: Deployment): number => d.spec.replicas ?? 1;

const sum = (sets: (ReplicaSet | undefined)[], of: (rs: ReplicaSet) => number): number =>
  sets.reduce((total, rs) => total + (rs ? of(rs) : 0), 0);

/** Wanted pods of the sets. */
export const totalReplicas = (sets: (ReplicaSet | undefined)[]): number => sum(sets, specReplicas);
/** Pods of the sets that exist. */
export const actualReplicas = (sets: (ReplicaSet | undefined)[]): number => sum(sets, (rs) => rs.status?.replicas ?? 0);
export const readyReplicas = (sets: (ReplicaSet | undefined)[]): number =>
  sum(sets, (rs) => rs.status?.readyReplicas ?? 0);
export const availableReplicas = (sets: (ReplicaSet | undefined)[]): number =>
  sum(sets, (rs) => rs.status?.availableReplicas ?? 0);

/** Sets that want pods. */
export const activeSets = (sets: ReplicaSet[]): ReplicaSet[] => sets.filter((rs) => specReplicas(rs) > 0);

function byName(a: ReplicaSet, b: ReplicaSet): number {
  return a.metadata.name < b.metadata.name ? -1 : a.metadata.name > b.metadata.name ? 1 : 0;
}

/** Oldest first, by name where times are equal. */
export function byCreation(a: ReplicaSet, b: ReplicaSet): number {
  const x = Date.parse(a.metadata.creationTimestamp);
  const y = Date.parse(b.metadata.creationTimestamp);
  return x - y || byName(a, b);
}

/** Lowest revision first, oldest first where equal. */
export function byRevision(a: ReplicaSet, b: ReplicaSet): number {
  const [x, y] = [revisionOf(a), revisionOf(b)];
  return x < y ? -1 : x > y ? 1 : byCreation(a, b);
}

/** Largest first; of equal size the newer first (scaling up) or the older first (scaling down). */
export const bySizeNewer = (a: ReplicaSet, b: ReplicaSet): number =>
  specReplicas(b) - specReplicas(a) || byCreation(b, a);
export const bySizeOlder = (a: ReplicaSet, b: ReplicaSet): number =>
  specReplicas(b) - specReplicas(a) || byCreation(a, b);

/** Whether the templates are the same but for the hash label that the controller itself adds. */
export function equalIgnoringHash(a: V1PodTemplateSpec, b: V1PodTemplateSpec): boolean {
  return semanticEqual(withoutHash(a), withoutHash(b));
}

export function withoutHash(template: V1PodTemplateSpec): V1PodTemplateSpec {
  const { [podTemplateHashLabel]: _, ...labels } = template.metadata?.labels ?? {};
  const { creationTimestamp: __, ...metadata } = template.metadata ?? {};
  return canonical({ ...template, metadata: { ...metadata, labels } }) as V1PodTemplateSpec;
}

/** The set whose template is the deployment's. Of several (a rare race) the oldest, so that all choices agree. */
export function findNewSet(d: Deployment, sets: ReplicaSet[]): ReplicaSet | undefined {
  return [...sets]
    .sort(byCreation)
    .find((rs) => rs.spec.template !== undefined && equalIgnoringHash(rs.spec.template, d.spec.template));
}

export function findOldSets(sets: ReplicaSet[], newSet: ReplicaSet | undefined): ReplicaSet[] {
  return sets.filter((rs) => rs.metadata.uid !== newSet?.metadata.uid);
}

/** The only set with pods, or the newest if none has any; undefined while a rollout is between sets. */
export function findActiveOrLatest(newSet: ReplicaSet | undefined, oldSets: ReplicaSet[]): ReplicaSet | undefined {
  const active = activeSets(newSet ? [...oldSets, newSet] : oldSets);
  if (active.length === 0) return newSet ?? [...oldSets].sort((a, b) => byCreation(b, a))[0];
  return active.length === 1 ? active[0] : undefined;
}

/** Whether the rollout to this set is done: it is the deployment's in full and all its pods are available. */
export function isSaturated(d: Deployment, rs: ReplicaSet | undefined): boolean {
  if (!rs) return false;
  const desired = Number.parseInt(rs.metadata.annotations?.['deployment.kubernetes.io/desired-replicas'] ?? '', 10);
  const wanted = deploymentReplicas(d);
  return specReplicas(rs) === wanted && desired === wanted && (rs.status?.availableReplicas ?? 0) === wanted;
}
