import type { V1Node } from '@kubelab/api';
import { deepEqual } from '@kubelab/apimachinery';

/** Whether a change of a node may make it fit for a pod: heartbeats do not. */
export function nodeChangeMatters(before: V1Node, now: V1Node): boolean {
  const conditions = (node: V1Node) => (node.status?.conditions ?? []).map(({ type, status }) => `${type}=${status}`);
  return !(
    deepEqual(before.spec, now.spec) &&
    deepEqual(before.status?.allocatable, now.status?.allocatable) &&
    deepEqual(before.metadata?.labels, now.metadata?.labels) &&
    deepEqual(conditions(before), conditions(now))
  );
}
