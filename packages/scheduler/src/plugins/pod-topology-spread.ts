import type { V1Pod, V1TopologySpreadConstraint } from '@kubelab/api';
import { labelSelectorAsSelector, type Selector } from '@kubelab/apimachinery';
import type { NodeInfo } from '../cache/node-info.js';
import { type CycleState, maxNodeScore, type Plugin } from '../framework/types.js';
import { matchesNodeSelection } from './node-affinity.js';
import { tolerates } from './tolerations.js';

interface Constraint {
  topologyKey: string;
  maxSkew: number;
  minDomains: number;
  selector: Selector;
  honorAffinity: boolean;
  honorTaints: boolean;
}

interface Spread {
  constraint: Constraint;
  /** Matching pods by the topology's value. */
  counts: Map<string, number>;
}

const name = 'PodTopologySpread';

/** Keeps pods spread over zones, nodes or whatever label is named (KEP-895). */
export const podTopologySpread: Plugin = {
  name,
  requeueOn: ['NodeAdd', 'NodeUpdate', 'AssignedPodAdd', 'AssignedPodUpdate', 'AssignedPodDelete'],
  preFilter(state, pod, snapshot) {
    const constraints = constraintsOf(pod, 'DoNotSchedule');
    state.set(`${name}/filter`, countAll(pod, constraints, snapshot.nodes, true));
    return undefined;
  },
  filter(state, pod, node) {
    for (const { constraint, counts } of state.get(`${name}/filter`) as Spread[]) {
      const value = node.node.metadata?.labels?.[constraint.topologyKey];
      if (value === undefined) {
        return {
          reasons: ["node(s) didn't match pod topology spread constraints (missing required label)"],
          unresolvable: true,
        };
      }
      const least = counts.size < constraint.minDomains ? 0 : Math.min(...counts.values());
      const self = constraint.selector.matches(pod.metadata?.labels ?? {}) ? 1 : 0;
      const skew = (counts.get(value) ?? 0) + self - (counts.size === 0 ? 0 : least);
      if (skew > constraint.maxSkew) {
        return { reasons: ["node(s) didn't match pod topology spread constraints"] };
      }
    }
    return undefined;
  },
  addPod(state, pod, added, node) {
    change(state, pod, added, node, 1);
  },
  removePod(state, pod, removed, node) {
    change(state, pod, removed, node, -1);
  },
  preScore(state, pod, _nodes, snapshot) {
    const own = constraintsOf(pod, 'ScheduleAnyway');
    const constraints = (pod.spec?.topologySpreadConstraints ?? []).length > 0 ? own : defaultConstraints(pod);
    state.set(`${name}/score`, countAll(pod, constraints, snapshot.nodes, false));
  },
  score(state, _pod, node) {
    let score = 0;
    for (const { constraint, counts } of state.get(`${name}/score`) as Spread[]) {
      const value = node.node.metadata?.labels?.[constraint.topologyKey];
      if (value !== undefined) {
        score += (counts.get(value) ?? 0) * Math.log(counts.size + 2) + (constraint.maxSkew - 1);
      }
    }
    return Math.round(score * 1000);
  },
  normalize(scores) {
    const highest = Math.max(...scores);
    const lowest = Math.min(...scores);
    for (let i = 0; i < scores.length; i++) {
      const value = scores[i] ?? 0;
      scores[i] = highest === 0 ? maxNodeScore : Math.floor((maxNodeScore * (highest + lowest - value)) / highest);
    }
  },
};

function change(state: CycleState, pod: V1Pod, other: V1Pod, node: NodeInfo, by: 1 | -1): void {
  for (const { constraint, counts } of (state.get(`${name}/filter`) as Spread[] | undefined) ?? []) {
    const value = node.node.metadata?.labels?.[constraint.topologyKey];
    if (value !== undefined && counts.has(value) && counted(pod, other, constraint)) {
      counts.set(value, (counts.get(value) ?? 0) + by);
    }
  }
}

function constraintsOf(pod: V1Pod, when: string): Constraint[] {
  return (pod.spec?.topologySpreadConstraints ?? [])
    .filter((constraint) => constraint.whenUnsatisfiable === when)
    .map((constraint) => compile(pod, constraint));
}

function compile(pod: V1Pod, constraint: V1TopologySpreadConstraint): Constraint {
  const labels = pod.metadata?.labels ?? {};
  const extra = (constraint.matchLabelKeys ?? []).flatMap((key) =>
    labels[key] === undefined ? [] : [{ key, operator: 'In', values: [labels[key]] }],
  );
  const { matchLabels, matchExpressions = [] } = constraint.labelSelector ?? {};
  const selector = constraint.labelSelector
    ? labelSelectorAsSelector({ matchLabels, matchExpressions: [...matchExpressions, ...extra] })
    : labelSelectorAsSelector(undefined);
  return {
    topologyKey: constraint.topologyKey,
    maxSkew: constraint.maxSkew,
    minDomains: constraint.minDomains ?? 1,
    selector,
    honorAffinity: constraint.nodeAffinityPolicy !== 'Ignore',
    honorTaints: constraint.nodeTaintsPolicy === 'Honor',
  };
}

/**
 * Pods of one controller are spread over nodes and zones by default. The selector is made of the pod's own labels that
 * its controller gives all of its pods.
 */
function defaultConstraints(pod: V1Pod): Constraint[] {
  const owned = (pod.metadata?.ownerReferences ?? []).some((owner) => owner.controller);
  const labels = pod.metadata?.labels ?? {};
  if (!owned || Object.keys(labels).length === 0) {
    return [];
  }
  const { 'pod-template-hash': _hash, 'controller-revision-hash': _revision, ...stable } = labels;
  const perPod = /^(statefulset|apps|batch)\.kubernetes\.io\/(pod-name|pod-index|job-completion-index)$/;
  const common = Object.fromEntries(Object.entries(stable).filter(([key]) => !perPod.test(key)));
  const selector = labelSelectorAsSelector({ matchLabels: common });
  const shared = { selector, minDomains: 1, honorAffinity: true, honorTaints: false };
  return [
    { ...shared, topologyKey: 'kubernetes.io/hostname', maxSkew: 3 },
    { ...shared, topologyKey: 'topology.kubernetes.io/zone', maxSkew: 5 },
  ];
}

function counted(pod: V1Pod, other: V1Pod, constraint: Constraint): boolean {
  return (
    other.metadata?.namespace === pod.metadata?.namespace &&
    !other.metadata?.deletionTimestamp &&
    constraint.selector.matches(other.metadata?.labels ?? {})
  );
}

function countAll(pod: V1Pod, constraints: Constraint[], nodes: readonly NodeInfo[], allKeys: boolean): Spread[] {
  if (constraints.length === 0) {
    return [];
  }
  const keys = constraints.map((constraint) => constraint.topologyKey);
  return constraints.map((constraint) => {
    const counts = new Map<string, number>();
    for (const node of nodes) {
      const labels = node.node.metadata?.labels ?? {};
      const value = labels[constraint.topologyKey];
      if (value === undefined || (allKeys && keys.some((key) => labels[key] === undefined))) {
        continue;
      }
      if (constraint.honorAffinity && !matchesNodeSelection(pod, node)) {
        continue;
      }
      const repels = (node.node.spec?.taints ?? []).some(
        (taint) => taint.effect !== 'PreferNoSchedule' && !tolerates(pod.spec?.tolerations, taint),
      );
      if (constraint.honorTaints && repels) {
        continue;
      }
      let count = counts.get(value) ?? 0;
      for (const other of node.pods.values()) {
        count += counted(pod, other, constraint) ? 1 : 0;
      }
      counts.set(value, count);
    }
    return { constraint, counts };
  });
}
