import type { V1Pod } from '@kubelab/api';
import type { InterPodAffinityArgs } from '../config/types.js';
import { type AffinityTerm, termMatches } from '../framework/affinity-term.js';
import { ConstantState, type CycleState, type StateData } from '../framework/cycle-state.js';
import type { Handle } from '../framework/handle.js';
import type { NodeInfo } from '../framework/node-info.js';
import { maxNodeScore, type Plugin } from '../framework/plugin.js';
import { PodInfo } from '../framework/pod-info.js';
import { Status, unresolvable, unschedulable } from '../framework/status.js';

const name = 'InterPodAffinity';
const scoreKey = 'InterPodAffinity/score';

/** Numbers of pods by topology pair, `key\0value`. */
type Counts = Map<string, number>;

const pair = (key: string, value: string): string => `${key}\u0000${value}`;

function change(counts: Counts, key: string, by: number): void {
  const n = (counts.get(key) ?? 0) + by;
  if (n === 0) counts.delete(key);
  else counts.set(key, n);
}

class FilterState implements StateData {
  /** Pairs where an existing pod's anti-affinity keeps this pod away; with the pod's own terms matched there. */
  existingAnti: Counts = new Map();
  affinity: Counts = new Map();
  antiAffinity: Counts = new Map();
  constructor(readonly namespaceLabels: Record<string, string> | undefined) {}

  clone(): FilterState {
    const copy = new FilterState(this.namespaceLabels);
    copy.existingAnti = new Map(this.existingAnti);
    copy.affinity = new Map(this.affinity);
    copy.antiAffinity = new Map(this.antiAffinity);
    return copy;
  }
}

class ScoreState extends ConstantState {
  readonly byPair = new Map<string, number>();
  readonly keys = new Set<string>();
}

/** Required pod affinity and anti-affinity filter, preferred ones (of this and of the pods there) score. */
export const interPodAffinity = (handle: Handle, args: InterPodAffinityArgs): Plugin => {
  const labelsOf = (pod: PodInfo): Record<string, string> | undefined => handle.namespaceLabels(pod.namespace);
  const matches = (term: AffinityTerm, other: PodInfo): boolean => termMatches(term, other.pod, labelsOf(other));
  const matchesAll = (terms: readonly AffinityTerm[], other: PodInfo): boolean =>
    terms.length > 0 && terms.every((t) => matches(t, other));

  /** Counts what one pod on a node means for the pod to schedule, or takes it back. */
  function account(s: FilterState, pod: PodInfo, other: PodInfo, node: NodeInfo, by: 1 | -1): void {
    const { labels } = node;
    for (const term of other.requiredAntiAffinity) {
      const value = labels[term.topologyKey];
      if (value !== undefined && termMatches(term, pod.pod, s.namespaceLabels)) {
        change(s.existingAnti, pair(term.topologyKey, value), by);
      }
    }
    if (matchesAll(pod.requiredAffinity, other)) {
      for (const term of pod.requiredAffinity) {
        const value = labels[term.topologyKey];
        if (value !== undefined) change(s.affinity, pair(term.topologyKey, value), by);
      }
    }
    for (const term of pod.requiredAntiAffinity) {
      const value = labels[term.topologyKey];
      if (value !== undefined && matches(term, other)) change(s.antiAffinity, pair(term.topologyKey, value), by);
    }
  }

  function affinityHolds(s: FilterState, pod: PodInfo, node: NodeInfo): boolean {
    let podsExist = true;
    for (const term of pod.requiredAffinity) {
      const value = node.labels[term.topologyKey];
      if (value === undefined) return false;
      if ((s.affinity.get(pair(term.topologyKey, value)) ?? 0) <= 0) podsExist = false;
    }
    if (podsExist) return true;
    // The first pod of a group that wants to be together: nobody matches anywhere, but it matches itself.
    return s.affinity.size === 0 && matchesAll(pod.requiredAffinity, pod);
  }

  function addScore(
    s: ScoreState,
    terms: readonly AffinityTerm[],
    target: PodInfo,
    node: NodeInfo,
    factor: number,
  ): void {
    for (const term of terms) {
      const value = node.labels[term.topologyKey];
      const weight = (term.weight || 1) * factor;
      if (value === undefined || !matches(term, target)) continue;
      s.keys.add(term.topologyKey);
      const key = pair(term.topologyKey, value);
      s.byPair.set(key, (s.byPair.get(key) ?? 0) + weight);
    }
  }

  return {
    name,
    events: () => [
      {
        resource: 'AssignedPod',
        actions: ['Add', 'Delete', 'UpdatePodLabel'],
        hint: (pod, e) => podEventHelps(pod, e),
      },
      { resource: 'UnscheduledPod', actions: ['UpdatePodLabel'] },
      { resource: 'Node', actions: ['Add', 'UpdateNodeLabel'] },
      { resource: 'Namespace', actions: ['Add', 'Update'] },
    ],
    preFilter(state, pod, snapshot) {
      const s = new FilterState(labelsOf(pod));
      const own = pod.requiredAffinity.length > 0 || pod.requiredAntiAffinity.length > 0;
      for (const node of own ? snapshot.nodes : snapshot.withRequiredAntiAffinity) {
        for (const other of own ? node.pods.values() : node.podsWithRequiredAntiAffinity)
          account(s, pod, other, node, 1);
      }
      if (!own && s.existingAnti.size === 0) return { status: Status.skip };
      state.write(name, s);
      return undefined;
    },
    addPod: (state, pod, added, node) => withState(state, (s) => account(s, pod, added, node, 1)),
    removePod: (state, pod, removed, node) => withState(state, (s) => account(s, pod, removed, node, -1)),
    filter(state, pod, node) {
      const s = state.read<FilterState>(name);
      if (!s) return undefined;
      if (pod.requiredAffinity.length > 0 && !affinityHolds(s, pod, node)) {
        return unresolvable("node(s) didn't match pod affinity rules");
      }
      for (const term of pod.requiredAntiAffinity) {
        const value = node.labels[term.topologyKey];
        if (value !== undefined && (s.antiAffinity.get(pair(term.topologyKey, value)) ?? 0) > 0) {
          return unschedulable("node(s) didn't match pod anti-affinity rules");
        }
      }
      if (s.existingAnti.size > 0) {
        for (const [key, value] of Object.entries(node.labels)) {
          if ((s.existingAnti.get(pair(key, value)) ?? 0) > 0) {
            return unschedulable("node(s) didn't satisfy existing pods anti-affinity rules");
          }
        }
      }
      return undefined;
    },
    preScore(state, pod, _nodes, snapshot) {
      const own = pod.preferredAffinity.length > 0 || pod.preferredAntiAffinity.length > 0;
      if (!own && (args.ignorePreferredTermsOfExistingPods || snapshot.withAffinity.length === 0)) return Status.skip;
      const s = new ScoreState();
      for (const node of own ? snapshot.nodes : snapshot.withAffinity) {
        for (const other of own ? node.pods.values() : node.podsWithAffinity) {
          addScore(s, pod.preferredAffinity, other, node, 1);
          addScore(s, pod.preferredAntiAffinity, other, node, -1);
          // An existing pod's required affinity draws this one near too.
          if (args.hardPodAffinityWeight > 0)
            addScore(s, other.requiredAffinity, pod, node, args.hardPodAffinityWeight);
          addScore(s, other.preferredAffinity, pod, node, 1);
          addScore(s, other.preferredAntiAffinity, pod, node, -1);
        }
      }
      if (s.byPair.size === 0) return Status.skip;
      state.write(scoreKey, s);
      return undefined;
    },
    score(state, _pod, node) {
      const s = state.read<ScoreState>(scoreKey);
      let sum = 0;
      for (const key of s?.keys ?? []) {
        const value = node.labels[key];
        if (value !== undefined) sum += s?.byPair.get(pair(key, value)) ?? 0;
      }
      return sum;
    },
    normalizeScore(_state, _pod, scores) {
      const min = Math.min(...scores.map((s) => s.score));
      const range = Math.max(...scores.map((s) => s.score)) - min;
      for (const s of scores) s.score = range > 0 ? Math.trunc((maxNodeScore * (s.score - min)) / range) : 0;
    },
  };

  function withState(state: CycleState, use: (s: FilterState) => void): void {
    const s = state.read<FilterState>(name);
    if (s) use(s);
  }

  /** A pod that came, went or changed labels helps if it matters to this pod's terms, or its own terms to this pod. */
  function podEventHelps(pod: V1Pod, event: { old?: unknown; now?: unknown }): boolean {
    const info = new PodInfo(pod);
    const now = event.now ? new PodInfo(event.now as V1Pod) : undefined;
    const old = event.old ? new PodInfo(event.old as V1Pod) : undefined;
    if (now && matchesAll(info.requiredAffinity, now)) return true;
    if (!old) return false;
    if (info.requiredAntiAffinity.some((t) => matches(t, old))) return true;
    return old.requiredAntiAffinity.some((t) => matches(t, info));
  }
};
