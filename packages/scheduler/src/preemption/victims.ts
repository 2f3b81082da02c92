import type { V1Pod, V1PodDisruptionBudget } from '@kubelab/api';
import { labelSelectorAsSelector } from '@kubelab/apimachinery';
import type { CycleState } from '../framework/cycle-state.js';
import type { Framework } from '../framework/framework.js';
import type { PreemptionCandidate } from '../framework/handle.js';
import type { NodeInfo } from '../framework/node-info.js';
import type { PodInfo } from '../framework/pod-info.js';
import { type Status, unresolvable } from '../framework/status.js';

/** Milliseconds; a pod that was not started yet counts as starting now. */
export const startTime = (pod: V1Pod): number =>
  pod.status?.startTime ? Date.parse(pod.status.startTime) : Number.MAX_SAFE_INTEGER;

/** More important: higher priority, then running longer. */
export function byImportance(a: PodInfo, b: PodInfo): number {
  return b.priority - a.priority || startTime(a.pod) - startTime(b.pod);
}

/**
 * The fewest and least important pods that must go from a node for the pod to fit; or why that can't work. First all
 * pods of lower priority go, then as many as possible come back, those that a budget protects first.
 */
export function selectVictims(
  fw: Framework,
  state: CycleState,
  pod: PodInfo,
  node: NodeInfo,
  nominated: readonly PodInfo[],
  budgets: readonly V1PodDisruptionBudget[],
): PreemptionCandidate | Status {
  const trial = node.clone();
  const trialState = state.clone();
  const potential = [...node.pods.values()].filter((p) => p.priority < pod.priority).sort(byImportance);
  if (potential.length === 0) return unresolvable('No preemption victims found for incoming pod');
  for (const victim of potential) fw.removePod(trialState, pod, victim, trial);
  const fits = (): Status | undefined => fw.filterWithNominated(trialState, pod, trial, nominated);
  const status = fits();
  if (status) return status;
  const victims: PodInfo[] = [];
  const reprieve = (victim: PodInfo): boolean => {
    fw.addPod(trialState, pod, victim, trial);
    if (!fits()) return true;
    fw.removePod(trialState, pod, victim, trial);
    victims.push(victim);
    return false;
  };
  const { violating, others } = splitByBudget(potential, budgets);
  let violations = 0;
  for (const victim of violating) if (!reprieve(victim)) violations++;
  for (const victim of others) reprieve(victim);
  return { nodeName: node.name, victims: victims.sort(byImportance), violations };
}

/** Pods whose going some budget does not allow any more, counting those that go before them. */
function splitByBudget(
  pods: readonly PodInfo[],
  budgets: readonly V1PodDisruptionBudget[],
): { violating: PodInfo[]; others: PodInfo[] } {
  const parsed = budgets
    // An empty selector selects nothing here, as in Kubernetes.
    .filter((b) => b.spec?.selector && Object.keys(b.spec.selector).length > 0)
    .map((b) => ({
      namespace: b.metadata?.namespace ?? '',
      selector: labelSelectorAsSelector(b.spec?.selector),
      disrupted: b.status?.disruptedPods ?? {},
      allowed: b.status?.disruptionsAllowed ?? 0,
    }));
  const violating: PodInfo[] = [];
  const others: PodInfo[] = [];
  for (const info of pods) {
    const labels = info.pod.metadata?.labels ?? {};
    let violated = false;
    for (const budget of Object.keys(labels).length > 0 ? parsed : []) {
      if (budget.namespace !== info.namespace || !budget.selector.matches(labels)) continue;
      // Its disruption is accounted for already.
      if (budget.disrupted[info.pod.metadata?.name ?? ''] !== undefined) continue;
      budget.allowed--;
      if (budget.allowed < 0) violated = true;
    }
    (violated ? violating : others).push(info);
  }
  return { violating, others };
}
