import type { Deployment, ReplicaSet } from '../framework/kinds.js';
import { maxSurge } from './fenceposts.js';

export const revisionAnnotation = 'deployment.kubernetes.io/revision';
export const revisionHistoryAnnotation = 'deployment.kubernetes.io/revision-history';
export const desiredReplicasAnnotation = 'deployment.kubernetes.io/desired-replicas';
export const maxReplicasAnnotation = 'deployment.kubernetes.io/max-replicas';
export const rollbackToAnnotation = 'deprecated.deployment.rollback.to';
const lastAppliedAnnotation = 'kubectl.kubernetes.io/last-applied-configuration';

/** Of the deployment itself, or of the replica set itself: never copied from one to the other. */
const notCopied = new Set([
  lastAppliedAnnotation,
  revisionAnnotation,
  revisionHistoryAnnotation,
  desiredReplicasAnnotation,
  maxReplicasAnnotation,
  rollbackToAnnotation,
]);

const maxHistoryLength = 2000;

type Annotations = Record<string, string>;

export function revisionOf(object: { metadata?: { annotations?: Annotations } }): number {
  const revision = Number.parseInt(object.metadata?.annotations?.[revisionAnnotation] ?? '0', 10);
  return Number.isNaN(revision) ? 0 : revision;
}

export function maxRevision(sets: ReplicaSet[]): number {
  return Math.max(0, ...sets.map(revisionOf));
}

/** Annotations that say what the deployment wanted when this set was last scaled: the base of proportional scaling. */
export function replicasAnnotations(d: Deployment): Annotations {
  const replicas = d.spec.replicas ?? 1;
  return {
    [desiredReplicasAnnotation]: String(replicas),
    [maxReplicasAnnotation]: String(replicas + maxSurge(d)),
  };
}

/** The annotations of the deployment's new replica set: the deployment's own, the revision and its history. */
export function newSetAnnotations(
  d: Deployment,
  current: Annotations | undefined,
  newRevision: number,
  exists: boolean,
): Annotations {
  const next: Annotations = { ...current };
  for (const [key, value] of Object.entries(d.metadata.annotations ?? {})) {
    if (!notCopied.has(key)) next[key] = value;
  }
  const oldText = next[revisionAnnotation];
  const old = Number.parseInt(oldText ?? '0', 10) || 0;
  if (old < newRevision) {
    next[revisionAnnotation] = String(newRevision);
    // The set had a revision before and is rolled back to: remember under which numbers it ran.
    if (oldText !== undefined) next[revisionHistoryAnnotation] = history(next[revisionHistoryAnnotation], oldText);
  }
  return exists ? next : { ...next, ...replicasAnnotations(d) };
}

function history(before: string | undefined, revision: string): string {
  const entries = before ? [...before.split(','), revision] : [revision];
  while (entries.length > 1 && entries.join(',').length > maxHistoryLength) entries.shift();
  return entries.join(',');
}
