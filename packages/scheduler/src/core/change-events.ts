import type { V1Node, V1Pod } from '@kubelab/api';
import { deepEqual } from '@kubelab/apimachinery';
import type { ClusterEvent, EventAction } from '../framework/events.js';
import { podRequest } from '../framework/resource.js';

/** What changed on a node that can matter to waiting pods; a heartbeat alone changes nothing. */
export function nodeChanges(old: V1Node, now: V1Node): ClusterEvent[] {
  const actions: EventAction[] = [];
  if (!deepEqual(old.status?.allocatable, now.status?.allocatable)) actions.push('UpdateNodeAllocatable');
  if (!deepEqual(old.metadata?.labels, now.metadata?.labels)) actions.push('UpdateNodeLabel');
  const unschedulable = (n: V1Node): boolean => n.spec?.unschedulable ?? false;
  if (unschedulable(old) !== unschedulable(now) || !deepEqual(old.spec?.taints, now.spec?.taints)) {
    actions.push('UpdateNodeTaint');
  }
  if (!deepEqual(conditions(old), conditions(now))) actions.push('UpdateNodeCondition');
  return actions.map((action) => ({ resource: 'Node', action, old, now }));
}

function conditions(node: V1Node): Record<string, string> {
  return Object.fromEntries((node.status?.conditions ?? []).map((c) => [c.type, c.status]));
}

/** What changed on a pod that can matter to it (unscheduled) or to others (assigned). */
export function podChanges(old: V1Pod, now: V1Pod, resource: 'AssignedPod' | 'UnscheduledPod'): ClusterEvent[] {
  const actions: EventAction[] = [];
  if (!deepEqual(old.metadata?.labels, now.metadata?.labels)) actions.push('UpdatePodLabel');
  const before = podRequest(old);
  const after = podRequest(now);
  if (after.milliCpu < before.milliCpu || after.memory < before.memory) actions.push('UpdatePodScaleDown');
  if (!deepEqual(old.spec?.tolerations, now.spec?.tolerations)) actions.push('UpdatePodToleration');
  if (!deepEqual(old.spec?.schedulingGates, now.spec?.schedulingGates)) actions.push('UpdatePodSchedulingGates');
  return actions.map((action) => ({ resource, action, old, now }));
}
