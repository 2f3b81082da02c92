import type { V1Pod } from '@kubelab/api';
import type { NodeInfo } from '../cache/node-info.js';
import { nonZeroRequestsOf, requestsOf } from '../cache/resources.js';
import { maxNodeScore, type Plugin } from '../framework/types.js';

/** Whether what the pod asks for is free on the node; prefers nodes with much left (LeastAllocated). */
export const nodeResourcesFit: Plugin = {
  name: 'NodeResourcesFit',
  requeueOn: ['NodeAdd', 'NodeUpdate', 'AssignedPodDelete', 'PodUpdate'],
  filter(_state, pod, node) {
    const reasons: string[] = [];
    const allowedPods = node.allocatable.get('pods') ?? 0;
    if (node.pods.size + 1 > allowedPods) {
      reasons.push('Too many pods');
    }
    let unresolvable = false;
    for (const [name, amount] of requestsOf(pod)) {
      if (amount === 0) {
        continue;
      }
      const allocatable = node.allocatable.get(name) ?? 0;
      if (amount > allocatable - (node.requested.get(name) ?? 0)) {
        reasons.push(`Insufficient ${name}`);
        // Not even an empty node would do.
        unresolvable ||= amount > allocatable;
      }
    }
    return reasons.length > 0 ? { reasons, unresolvable } : undefined;
  },
  score(_state, pod, node) {
    const shares = sharesAfter(pod, node);
    return Math.floor(
      shares.reduce((sum, used) => sum + (used > 1 ? 0 : (1 - used) * maxNodeScore), 0) / shares.length,
    );
  },
};

/** How much of the node's CPU and memory would be used with the pod on it. */
export function sharesAfter(pod: V1Pod, node: NodeInfo): number[] {
  const wanted = nonZeroRequestsOf(pod);
  return (['cpu', 'memory'] as const).map((name) => {
    const allocatable = node.allocatable.get(name) ?? 0;
    return allocatable === 0 ? 1 : (node.nonZero[name] + wanted[name]) / allocatable;
  });
}
