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

/** Revisions are 64-bit: an adopted set may bring any. What is no number is revision 0. */
export function revisionOf(object: { metadata?: { annotations?: Annotations } }): bigint {
  return parseRevision(object.metadata?.annotations?.[revisionAnnotation]);
}

export function parseRevision(text: string | undefined): bigint {
  return text !== undefined && /^[+-]?\d+$/.test(text) ? BigInt(text) : 0n;
}

export function maxRevision(sets: ReplicaSet[]): bigint {
  return sets.map(revisionOf).reduce((max, revision) => (revision > max ? revision : max), 0n);
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
  newRevision: bigint,
  exists: boolean,
): Annotations {
  const next: Annotations = { ...current };
  for (const [key, value] of Object.entries(d.metadata.annotations ?? {})) {
    if (!notCopied.has(key)) next[key] = value;
  }
  const oldText = next[revisionAnnotation];
  if (parseRevision(oldText) < newRevision) {
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
