import type { V1PodDisruptionBudgetStatus } from '@kubelab/api';
import { nowSecond } from '@kubelab/apimachinery';
import { findCondition, withoutCondition } from '../framework/conditions.js';
import { scaledValue } from '../framework/int-or-percent.js';
import type { Pod, PodDisruptionBudget } from '../framework/kinds.js';
import { isPodReady } from '../framework/pods.js';

/** An eviction that was allowed but whose pod was not deleted counts as disruption for this long. */
export const disruptionTimeoutMs = 2 * 60_000;

/** How many pods are expected and how many must stay healthy. `scale` asks the pods' controllers. */
export async function desiredHealthy(
  budget: PodDisruptionBudget,
  pods: Pod[],
  scale: () => Promise<number>,
): Promise<{ expected: number; desired: number }> {
  const { maxUnavailable, minAvailable } = budget.spec;
  if (maxUnavailable !== undefined) {
    const expected = await scale();
    return { expected, desired: Math.max(0, expected - scaledValue(maxUnavailable, expected, true)) };
  }
  if (typeof minAvailable === 'number') return { expected: pods.length, desired: minAvailable };
  if (minAvailable !== undefined) {
    const expected = await scale();
    return { expected, desired: scaledValue(minAvailable, expected, true) };
  }
  return { expected: pods.length, desired: 0 };
}

/** Evictions still under way: of pods that exist, are not being deleted yet, and were allowed not long ago. */
export function disruptedPods(budget: PodDisruptionBudget, pods: Pod[], nowMs: number): Record<string, string> {
  const pending = Object.entries(budget.status?.disruptedPods ?? {}).filter(([name, time]) => {
    const pod = pods.find(({ metadata }) => metadata.name === name);
    return pod && !pod.metadata.deletionTimestamp && Date.parse(time) + disruptionTimeoutMs > nowMs;
  });
  return Object.fromEntries(pending);
}

export function countHealthy(pods: Pod[], disrupted: Record<string, string>): number {
  return pods.filter(
    (pod) => !pod.metadata.deletionTimestamp && disrupted[pod.metadata.name] === undefined && isPodReady(pod),
  ).length;
}

/** The whole status; conditions other than DisruptionAllowed are kept. */
export function budgetStatus(
  budget: PodDisruptionBudget,
  counts: { expected: number; desired: number; healthy: number },
  disrupted: Record<string, string>,
): V1PodDisruptionBudgetStatus {
  const allowed = counts.expected <= 0 ? 0 : Math.max(0, counts.healthy - counts.desired);
  const wanted =
    allowed > 0 ? { status: 'True', reason: 'SufficientPods' } : { status: 'False', reason: 'InsufficientPods' };
  const current = findCondition(budget.status?.conditions, 'DisruptionAllowed');
  const generation = budget.metadata.generation;
  const condition = {
    type: 'DisruptionAllowed',
    ...wanted,
    message: '',
    lastTransitionTime: current?.status === wanted.status ? current.lastTransitionTime : nowSecond(),
    ...(generation !== undefined && { observedGeneration: generation }),
  };
  return {
    currentHealthy: counts.healthy,
    desiredHealthy: counts.desired,
    expectedPods: counts.expected,
    disruptionsAllowed: allowed,
    observedGeneration: generation,
    ...(Object.keys(disrupted).length > 0 && { disruptedPods: disrupted }),
    conditions: [...withoutCondition(budget.status?.conditions, 'DisruptionAllowed'), condition],
  };
}
