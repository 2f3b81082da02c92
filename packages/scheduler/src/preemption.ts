import type { V1Pod, V1PodDisruptionBudget } from '@kubelab/api';
import { labelSelectorAsSelector } from '@kubelab/apimachinery';
import type { NodeInfo } from './cache/node-info.js';
import { fitMessage } from './framework/fit-error.js';
import type { PluginRunner } from './framework/run-plugins.js';
import type { CycleState, Refusal, Snapshot } from './framework/types.js';

/** A node that would do if these pods went. */
export interface Preemption {
  node: string;
  victims: V1Pod[];
}

interface Candidate extends Preemption {
  /** Victims whose going a PodDisruptionBudget forbids. */
  violations: number;
}

const priorityOf = (pod: V1Pod): number => pod.spec?.priority ?? 0;

/**
 * DefaultPreemption: finds the node where the least important pods would have to go. Returns it, or why there is none,
 * in Kubernetes' words.
 */
export function findPreemption(
  runner: PluginRunner,
  snapshot: Snapshot,
  pod: V1Pod,
  refusals: Map<string, Refusal>,
  budgets: readonly V1PodDisruptionBudget[],
): Preemption | string {
  const total = snapshot.nodes.length;
  if (pod.spec?.preemptionPolicy === 'Never') {
    return 'not eligible due to preemptionPolicy=Never.';
  }
  const nominated = pod.status?.nominatedNodeName;
  const waiting = nominated && [...(snapshot.get(nominated)?.pods.values() ?? [])].some((other) => isGoing(other, pod));
  if (waiting) {
    return 'not eligible due to a terminating pod on the nominated node.';
  }
  const candidates: Candidate[] = [];
  const notHelped: Refusal[] = [];
  for (const node of snapshot.nodes) {
    const refusal = refusals.get(node.name);
    if (!refusal || refusal.unresolvable) {
      notHelped.push({ reasons: ['Preemption is not helpful for scheduling'], plugin: 'DefaultPreemption' });
      continue;
    }
    const candidate = victimsOn(runner, snapshot, pod, node, budgets);
    if (candidate) {
      candidates.push(candidate);
    } else {
      notHelped.push({
        reasons: ['No preemption victims found for incoming pod'],
        plugin: 'DefaultPreemption',
      });
    }
  }
  return candidates.length > 0 ? best(candidates) : fitMessage(total, notHelped, '');
}

function isGoing(other: V1Pod, pod: V1Pod): boolean {
  return other.metadata?.deletionTimestamp !== undefined && priorityOf(other) < priorityOf(pod);
}

/** The least set of lower-priority pods on a node that makes room, or undefined when not even all of them would. */
function victimsOn(
  runner: PluginRunner,
  snapshot: Snapshot,
  pod: V1Pod,
  node: NodeInfo,
  budgets: readonly V1PodDisruptionBudget[],
): Candidate | undefined {
  const lower = [...node.pods.values()].filter((other) => priorityOf(other) < priorityOf(pod));
  if (lower.length === 0) {
    return undefined;
  }
  const state: CycleState = new Map();
  const trial = node.clone();
  if ('reasons' in runner.preFilter(state, pod, snapshot)) {
    return undefined;
  }
  const change = (other: V1Pod, what: 'add' | 'remove') => {
    if (what === 'add') {
      trial.addPod(other);
    } else {
      trial.removePod(other.metadata?.uid ?? '');
    }
    runner.simulate(state, pod, other, trial, what);
  };
  for (const other of lower) {
    change(other, 'remove');
  }
  if (runner.filter(state, pod, trial)) {
    return undefined;
  }
  // Give back as many as there is room for: those that budgets protect first, then the most important.
  const { violating, free } = splitByBudgets(sortByImportance(lower), budgets);
  const victims: V1Pod[] = [];
  let violations = 0;
  for (const [group, counts] of [
    [violating, true],
    [free, false],
  ] as const) {
    for (const other of group) {
      change(other, 'add');
      if (runner.filter(state, pod, trial)) {
        change(other, 'remove');
        victims.push(other);
        violations += counts ? 1 : 0;
      }
    }
  }
  return { node: node.name, victims, violations };
}

/** The higher priority first, then the one that runs longer. */
function sortByImportance(pods: V1Pod[]): V1Pod[] {
  const startOf = (pod: V1Pod) => Date.parse(pod.status?.startTime ?? '') || Number.MAX_SAFE_INTEGER;
  return [...pods].sort((a, b) => priorityOf(b) - priorityOf(a) || startOf(a) - startOf(b));
}

function splitByBudgets(pods: V1Pod[], budgets: readonly V1PodDisruptionBudget[]) {
  const allowed = new Map(budgets.map((budget) => [budget, budget.status?.disruptionsAllowed ?? 0]));
  const violating: V1Pod[] = [];
  const free: V1Pod[] = [];
  for (const pod of pods) {
    let violates = false;
    for (const budget of budgets) {
      const applies =
        budget.metadata?.namespace === pod.metadata?.namespace &&
        labelSelectorAsSelector(budget.spec?.selector).matches(pod.metadata?.labels ?? {}) &&
        !budget.status?.disruptedPods?.[pod.metadata?.name ?? ''];
      if (applies) {
        const left = (allowed.get(budget) ?? 0) - 1;
        allowed.set(budget, left);
        violates ||= left < 0;
      }
    }
    (violates ? violating : free).push(pod);
  }
  return { violating, free };
}

/** Fewest broken budgets, then the lowest highest priority, the lowest sum, the fewest, the youngest victims. */
function best(candidates: Candidate[]): Preemption {
  const highest = (candidate: Candidate) => Math.max(...candidate.victims.map(priorityOf), Number.MIN_SAFE_INTEGER);
  const sum = (candidate: Candidate) =>
    candidate.victims.reduce((total, victim) => total + priorityOf(victim) + 2 ** 31, 0);
  const earliest = (candidate: Candidate) =>
    Math.min(...candidate.victims.map((victim) => Date.parse(victim.status?.startTime ?? '') || Date.now()));
  const [first] = [...candidates].sort(
    (a, b) =>
      a.violations - b.violations ||
      highest(a) - highest(b) ||
      sum(a) - sum(b) ||
      a.victims.length - b.victims.length ||
      earliest(b) - earliest(a),
  );
  return first as Candidate;
}
