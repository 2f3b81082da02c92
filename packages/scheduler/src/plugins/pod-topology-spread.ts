import type { V1Pod, V1TopologySpreadConstraint } from '@kubelab/api';
import { labelSelectorAsSelector, newSelector, nothing, type Selector } from '@kubelab/apimachinery';
import type { PodTopologySpreadArgs } from '../config/types.js';
import { ConstantState, type StateData } from '../framework/cycle-state.js';
import type { Handle } from '../framework/handle.js';
import type { NodeInfo } from '../framework/node-info.js';
import { podNodeSelectorMatches } from '../framework/node-selector.js';
import { maxNodeScore, type Plugin } from '../framework/plugin.js';
import type { PodInfo } from '../framework/pod-info.js';
import { Status, unresolvable, unschedulable } from '../framework/status.js';
import { blocksScheduling, taintsOf, untoleratedTaint } from '../framework/taints.js';
import { defaultSpreadSelector } from './default-spread-selector.js';

const name = 'PodTopologySpread';
const scoreKey = 'PodTopologySpread/score';
const hostname = 'kubernetes.io/hostname';

interface Constraint {
  maxSkew: number;
  topologyKey: string;
  selector: Selector;
  minDomains: number;
  nodeAffinityPolicy: string;
  nodeTaintsPolicy: string;
}

function parse(pod: V1Pod, c: V1TopologySpreadConstraint): Constraint {
  let selector = c.labelSelector ? labelSelectorAsSelector(c.labelSelector) : nothing;
  const labels = pod.metadata?.labels ?? {};
  const extra = (c.matchLabelKeys ?? []).flatMap((key) =>
    labels[key] === undefined ? [] : [{ key, operator: '=' as const, values: [labels[key]] }],
  );
  if (extra.length > 0) selector = newSelector([...selector.requirements, ...extra]);
  return {
    maxSkew: c.maxSkew,
    topologyKey: c.topologyKey,
    selector,
    minDomains: c.minDomains ?? 1,
    nodeAffinityPolicy: c.nodeAffinityPolicy ?? 'Honor',
    nodeTaintsPolicy: c.nodeTaintsPolicy ?? 'Ignore',
  };
}

/** Whether a node counts for a constraint, by its inclusion policies. */
function included(c: Constraint, pod: PodInfo, node: NodeInfo): boolean {
  if (!node.node) return false;
  if (c.nodeAffinityPolicy === 'Honor' && !podNodeSelectorMatches(pod.pod, node.node)) return false;
  if (c.nodeTaintsPolicy !== 'Honor') return true;
  return !untoleratedTaint(taintsOf(node.node), pod.pod.spec?.tolerations, blocksScheduling);
}

function countMatching(node: NodeInfo, selector: Selector, namespace: string): number {
  let n = 0;
  for (const p of node.pods.values()) {
    if (
      p.namespace === namespace &&
      !p.pod.metadata?.deletionTimestamp &&
      selector.matches(p.pod.metadata?.labels ?? {})
    ) {
      n++;
    }
  }
  return n;
}

class FilterState implements StateData {
  /** By constraint: matching pods in each domain. */
  counts: Map<string, number>[];
  /** By constraint: the fewest matching pods of a domain, once asked for; a filter asks for every node. */
  private minimums: (number | undefined)[] = [];
  constructor(readonly constraints: readonly Constraint[]) {
    this.counts = constraints.map(() => new Map());
  }
  clone(): FilterState {
    const copy = new FilterState(this.constraints);
    copy.counts = this.counts.map((m) => new Map(m));
    copy.minimums = [...this.minimums];
    return copy;
  }

  change(i: number, domain: string, by: number): void {
    const counts = this.counts[i] as Map<string, number>;
    counts.set(domain, (counts.get(domain) ?? 0) + by);
    this.minimums[i] = undefined;
  }

  /** Fewer domains than wanted: the missing ones count as empty. */
  minimum(i: number): number {
    const known = this.minimums[i];
    if (known !== undefined) return known;
    const counts = this.counts[i] as Map<string, number>;
    let min = counts.size < (this.constraints[i] as Constraint).minDomains ? 0 : Number.POSITIVE_INFINITY;
    for (const n of counts.values()) if (n < min) min = n;
    if (min === Number.POSITIVE_INFINITY) min = 0;
    this.minimums[i] = min;
    return min;
  }
}

class ScoreState extends ConstantState {
  readonly ignored = new Set<string>();
  readonly counts: Map<string, number>[];
  readonly weights: number[] = [];
  constructor(readonly constraints: readonly Constraint[]) {
    super();
    this.counts = constraints.map(() => new Map());
  }
}

/** Spreads pods over domains: DoNotSchedule constraints filter, ScheduleAnyway ones and the defaults score. */
export const podTopologySpread = (handle: Handle, args: PodTopologySpreadArgs): Plugin => {
  function constraintsOf(pod: V1Pod, when: string): Constraint[] {
    const own = pod.spec?.topologySpreadConstraints ?? [];
    if (own.length > 0) return own.filter((c) => c.whenUnsatisfiable === when).map((c) => parse(pod, c));
    const defaults = args.defaultConstraints.filter((c) => c.whenUnsatisfiable === when);
    if (defaults.length === 0) return [];
    const selector = defaultSpreadSelector(handle.informers, pod);
    return selector.empty ? [] : defaults.map((c) => ({ ...parse(pod, c), selector }));
  }
  const hasDefaultHard = args.defaultConstraints.some((c) => c.whenUnsatisfiable === 'DoNotSchedule');

  function shift(s: FilterState, pod: PodInfo, other: PodInfo, node: NodeInfo, by: 1 | -1): void {
    if (other.namespace !== pod.namespace) return;
    s.constraints.forEach((c, i) => {
      const value = node.labels[c.topologyKey];
      if (value === undefined || !s.counts[i]?.has(value) || !included(c, pod, node)) return;
      if (c.selector.matches(other.pod.metadata?.labels ?? {})) s.change(i, value, by);
    });
  }

  return {
    name,
    events: () => [
      { resource: 'Pod', actions: ['Add', 'Delete', 'UpdatePodLabel'] },
      { resource: 'Node', actions: ['Add', 'Delete', 'UpdateNodeLabel', 'UpdateNodeTaint'] },
    ],
    preFilter(state, pod, snapshot) {
      if (!pod.pod.spec?.topologySpreadConstraints?.length && !hasDefaultHard) return { status: Status.skip };
      const constraints = constraintsOf(pod.pod, 'DoNotSchedule');
      if (constraints.length === 0) return { status: Status.skip };
      const s = new FilterState(constraints);
      for (const node of snapshot.nodes) {
        if (!constraints.every((c) => node.labels[c.topologyKey] !== undefined)) continue;
        constraints.forEach((c, i) => {
          if (!included(c, pod, node)) return;
          const value = node.labels[c.topologyKey] as string;
          s.change(i, value, countMatching(node, c.selector, pod.namespace));
        });
      }
      state.write(name, s);
      return undefined;
    },
    addPod(state, pod, added, node) {
      const s = state.read<FilterState>(name);
      if (s) shift(s, pod, added, node, 1);
    },
    removePod(state, pod, removed, node) {
      const s = state.read<FilterState>(name);
      if (s) shift(s, pod, removed, node, -1);
    },
    filter(state, pod, node) {
      const s = state.read<FilterState>(name);
      if (!s) return undefined;
      for (let i = 0; i < s.constraints.length; i++) {
        const c = s.constraints[i] as Constraint;
        const value = node.labels[c.topologyKey];
        if (value === undefined) {
          return unresolvable("node(s) didn't match pod topology spread constraints (missing required label)");
        }
        const self = c.selector.matches(pod.pod.metadata?.labels ?? {}) ? 1 : 0;
        if ((s.counts[i]?.get(value) ?? 0) + self - s.minimum(i) > c.maxSkew) {
          return unschedulable("node(s) didn't match pod topology spread constraints");
        }
      }
      return undefined;
    },
    preScore(state, pod, nodes, snapshot) {
      const constraints = constraintsOf(pod.pod, 'ScheduleAnyway');
      if (constraints.length === 0) return Status.skip;
      const s = new ScoreState(constraints);
      // The system's defaults also score nodes that lack the zone label; a pod's own constraints ignore such nodes.
      const requireAll = Boolean(pod.pod.spec?.topologySpreadConstraints?.length) || !args.systemDefaulted;
      const hasAll = (n: NodeInfo): boolean => constraints.every((c) => n.labels[c.topologyKey] !== undefined);
      for (const node of nodes) {
        if (requireAll && !hasAll(node)) {
          s.ignored.add(node.name);
          continue;
        }
        constraints.forEach((c, i) => {
          const value = node.labels[c.topologyKey];
          if (value !== undefined && c.topologyKey !== hostname) s.counts[i]?.set(value, 0);
        });
      }
      constraints.forEach((c, i) => {
        const domains = c.topologyKey === hostname ? nodes.length - s.ignored.size : (s.counts[i]?.size ?? 0);
        s.weights[i] = Math.log(domains + 2);
        if (c.topologyKey === hostname) return;
        for (const node of snapshot.nodes) {
          const value = node.labels[c.topologyKey];
          const counts = s.counts[i];
          if (value === undefined || !counts?.has(value) || (requireAll && !hasAll(node)) || !included(c, pod, node))
            continue;
          counts.set(value, (counts.get(value) ?? 0) + countMatching(node, c.selector, pod.namespace));
        }
      });
      state.write(scoreKey, s);
      return undefined;
    },
    score(state, pod, node) {
      const s = state.read<ScoreState>(scoreKey);
      if (!s || s.ignored.has(node.name)) return 0;
      let score = 0;
      s.constraints.forEach((c, i) => {
        const value = node.labels[c.topologyKey];
        if (value === undefined) return;
        const count =
          c.topologyKey === hostname ? countMatching(node, c.selector, pod.namespace) : (s.counts[i]?.get(value) ?? 0);
        score += count * (s.weights[i] ?? 0) + (c.maxSkew - 1);
      });
      return Math.round(score);
    },
    normalizeScore(state, _pod, scores) {
      const s = state.read<ScoreState>(scoreKey);
      if (!s) return;
      let min = Number.POSITIVE_INFINITY;
      let max = 0;
      for (const e of scores) {
        if (s.ignored.has(e.node.name)) continue;
        min = Math.min(min, e.score);
        max = Math.max(max, e.score);
      }
      for (const e of scores) {
        if (s.ignored.has(e.node.name)) e.score = 0;
        else e.score = max === 0 ? maxNodeScore : Math.trunc((maxNodeScore * (max + min - e.score)) / max);
      }
    },
  };
};
