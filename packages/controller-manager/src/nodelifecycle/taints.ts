import type { V1NodeCondition, V1Taint } from '@kubelab/api';
import { nowSecond } from '@kubelab/apimachinery';
import { findCondition } from '../framework/conditions.js';
import type { Node } from '../framework/kinds.js';

export const notReadyTaint = 'node.kubernetes.io/not-ready';
export const unreachableTaint = 'node.kubernetes.io/unreachable';

/** Node conditions that keep new pods away, and the taints that say so (TaintNodesByCondition). */
const conditionTaints: Record<string, Record<string, string>> = {
  Ready: { False: notReadyTaint, Unknown: unreachableTaint },
  MemoryPressure: { True: 'node.kubernetes.io/memory-pressure' },
  DiskPressure: { True: 'node.kubernetes.io/disk-pressure' },
  PIDPressure: { True: 'node.kubernetes.io/pid-pressure' },
  NetworkUnavailable: { True: 'node.kubernetes.io/network-unavailable' },
};

const unschedulableTaint = 'node.kubernetes.io/unschedulable';
const managedNoSchedule = new Set([
  unschedulableTaint,
  ...Object.values(conditionTaints).flatMap((byStatus) => Object.values(byStatus)),
]);

const matches = (a: V1Taint, b: V1Taint): boolean => a.key === b.key && a.effect === b.effect;

/** The NoSchedule taints that the node's conditions and `spec.unschedulable` call for. */
export function noScheduleTaints(node: Node): V1Taint[] {
  const taints: V1Taint[] = [];
  for (const condition of node.status?.conditions ?? []) {
    const key = conditionTaints[condition.type]?.[condition.status];
    if (key) taints.push({ key, effect: 'NoSchedule' });
  }
  if (node.spec.unschedulable) taints.push({ key: unschedulableTaint, effect: 'NoSchedule' });
  return taints;
}

/** The NoExecute taint of a node that is not ready or not heard of, if any. */
export function noExecuteTaint(ready: V1NodeCondition | undefined): V1Taint | undefined {
  const key = ready && conditionTaints.Ready?.[ready.status];
  return key ? { key, effect: 'NoExecute' } : undefined;
}

/**
 * The node's taints with the managed ones brought up to date; `undefined` if nothing changes. Taints of others stay,
 * an unchanged NoExecute taint keeps its time, which evictions count from. `noExecute` is undefined to leave NoExecute
 * taints alone (the zone's eviction rate does not allow one now).
 */
export function updatedTaints(
  node: Node,
  noExecute: { taint: V1Taint | undefined } | undefined,
): V1Taint[] | undefined {
  const current = node.spec.taints ?? [];
  const wanted = [...noScheduleTaints(node)];
  const isManaged = (taint: V1Taint): boolean => {
    if (taint.effect === 'NoSchedule') return managedNoSchedule.has(taint.key);
    const lifecycle = taint.key === notReadyTaint || taint.key === unreachableTaint;
    return noExecute !== undefined && taint.effect === 'NoExecute' && lifecycle;
  };
  if (noExecute?.taint) wanted.push(noExecute.taint);
  const kept = current.filter((taint) => !isManaged(taint) || wanted.some((want) => matches(want, taint)));
  const added = wanted.filter((want) => !current.some((taint) => matches(taint, want)));
  if (added.length === 0 && kept.length === current.length) return undefined;
  return [...kept, ...added.map((taint) => ({ ...taint, timeAdded: nowSecond() }))];
}

export function readyCondition(node: Node): V1NodeCondition | undefined {
  return findCondition(node.status?.conditions, 'Ready');
}
