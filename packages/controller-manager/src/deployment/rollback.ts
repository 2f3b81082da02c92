import type { V1Deployment } from '@kubelab/api';
import type { ReplicaSet } from '../framework/kinds.js';
import { controllerOf } from '../framework/owner-reference.js';
import { parseRevision, revisionOf, rollbackToAnnotation } from './annotations.js';
import { equalIgnoringHash, withoutHash } from './replica-sets.js';
import type { Pass } from './sync.js';

/**
 * The rollback of extensions/v1beta1 clients, asked for by annotation (0: the revision before the current one).
 * `kubectl rollout undo` does not need it: it writes the old template itself.
 */
export async function rollback({ deployments, recorder, d, sets }: Pass): Promise<void> {
  const asked = parseRevision(d.metadata.annotations?.[rollbackToAnnotation]);
  const owned = sets.filter((rs) => controllerOf(rs)?.uid === d.metadata.uid);
  const revision = asked === 0n ? lastRevision(owned) : asked;
  const target = revision === 0n ? undefined : owned.find((rs) => revisionOf(rs) === revision);
  const { [rollbackToAnnotation]: _, ...annotations } = d.metadata.annotations ?? {};
  const next: V1Deployment = { ...d, metadata: { ...d.metadata, annotations } };
  if (!target?.spec.template) {
    const message = asked === 0n ? 'Unable to find last revision.' : 'Unable to find the revision to rollback to.';
    recorder.event(d, 'Warning', 'DeploymentRollbackRevisionNotFound', message);
  } else if (equalIgnoringHash(d.spec.template, target.spec.template)) {
    const message = `The rollback revision contains the same template as current deployment "${d.metadata.name}"`;
    recorder.event(d, 'Warning', 'DeploymentRollbackTemplateUnchanged', message);
  } else {
    next.spec = { ...d.spec, template: withoutHash(target.spec.template) };
    const message = `Rolled back deployment "${d.metadata.name}" to revision ${revision}`;
    recorder.event(d, 'Normal', 'DeploymentRollback', message);
  }
  await deployments.namespace(d.metadata.namespace).update(next);
}

/** The second highest revision, 0 if there is none. */
function lastRevision(sets: ReplicaSet[]): bigint {
  const [, second] = sets.map(revisionOf).sort((a, b) => (a < b ? 1 : a > b ? -1 : 0));
  return second ?? 0n;
}
