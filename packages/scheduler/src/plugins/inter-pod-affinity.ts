import type { V1Pod, V1PodAffinityTerm } from '@kubelab/api';
import { labelSelectorAsSelector, type Selector } from '@kubelab/apimachinery';
import type { NodeInfo } from '../cache/node-info.js';
import { maxNodeScore, type Plugin, type Snapshot } from '../framework/types.js';

interface Term {
  topologyKey: string;
  selector: Selector;
  namespaces: Set<string>;
  namespaceSelector: Selector | undefined;
  weight: number;
}

/** How many pods match, by topology key and value. */
type Counts = Map<string, number>;

interface FilterState {
  affinity: Term[];
  antiAffinity: Term[];
  /** Pods that all affinity terms match. */
  affinityCounts: Counts;
  antiAffinityCounts: Counts;
  /** Pods there whose own anti-affinity refuses this pod. */
  existingAntiAffinityCounts: Counts;
}

const name = 'InterPodAffinity';

/** Labels of namespaces, for terms that choose namespaces by label. */
export type NamespaceLabels = (namespace: string) => Record<string, string>;

/** Pods that want to be, or not to be, where others are. */
export function interPodAffinity(namespaceLabels: NamespaceLabels): Plugin {
  const matchesAll = (terms: Term[], owner: V1Pod, pod: V1Pod) =>
    terms.length > 0 && terms.every((term) => matches(term, owner, pod, namespaceLabels));

  const account = (state: FilterState, pod: V1Pod, other: V1Pod, node: NodeInfo, by: 1 | -1) => {
    if (matchesAll(state.affinity, pod, other)) {
      for (const term of state.affinity) {
        add(state.affinityCounts, node, term.topologyKey, by);
      }
    }
    for (const term of state.antiAffinity) {
      if (matches(term, pod, other, namespaceLabels)) {
        add(state.antiAffinityCounts, node, term.topologyKey, by);
      }
    }
    for (const term of requiredTerms(other, 'podAntiAffinity')) {
      if (matches(term, other, pod, namespaceLabels)) {
        add(state.existingAntiAffinityCounts, node, term.topologyKey, by);
      }
    }
  };

  return {
    name,
    requeueOn: ['NodeAdd', 'NodeUpdate', 'AssignedPodAdd', 'AssignedPodUpdate', 'AssignedPodDelete'],
    preFilter(cycle, pod, snapshot) {
      const state: FilterState = {
        affinity: requiredTerms(pod, 'podAffinity'),
        antiAffinity: requiredTerms(pod, 'podAntiAffinity'),
        affinityCounts: new Map(),
        antiAffinityCounts: new Map(),
        existingAntiAffinityCounts: new Map(),
      };
      const looksAtAll = state.affinity.length > 0 || state.antiAffinity.length > 0;
      for (const node of snapshot.nodes) {
        for (const other of looksAtAll ? node.pods.values() : node.podsWithAntiAffinity.values()) {
          account(state, pod, other, node, 1);
        }
      }
      cycle.set(name, state);
      return undefined;
    },
    filter(cycle, pod, node) {
      const state = cycle.get(name) as FilterState;
      if (!satisfiesAffinity(state, pod, node, namespaceLabels)) {
        return { reasons: ["node(s) didn't match pod affinity rules"], unresolvable: true };
      }
      if (state.antiAffinity.some((term) => countOf(state.antiAffinityCounts, node, term.topologyKey) > 0)) {
        return { reasons: ["node(s) didn't match pod anti-affinity rules"] };
      }
      for (const [pair, count] of state.existingAntiAffinityCounts) {
        const [key = '', value] = split(pair);
        if (count > 0 && node.node.metadata?.labels?.[key] === value) {
          return { reasons: ["node(s) didn't satisfy existing pods anti-affinity rules"] };
        }
      }
      return undefined;
    },
    addPod: (cycle, pod, added, node) => account(cycle.get(name) as FilterState, pod, added, node, 1),
    removePod: (cycle, pod, removed, node) => account(cycle.get(name) as FilterState, pod, removed, node, -1),
    preScore(cycle, pod, _nodes, snapshot) {
      cycle.set(`${name}/score`, preferences(pod, snapshot, namespaceLabels));
    },
    score(cycle, _pod, node) {
      let score = 0;
      for (const [pair, weight] of cycle.get(`${name}/score`) as Counts) {
        const [key = '', value] = split(pair);
        score += node.node.metadata?.labels?.[key] === value ? weight : 0;
      }
      return score;
    },
    normalize(scores) {
      const highest = Math.max(...scores);
      const range = highest - Math.min(...scores);
      const lowest = highest - range;
      for (let i = 0; i < scores.length; i++) {
        scores[i] = range === 0 ? 0 : Math.floor((maxNodeScore * ((scores[i] ?? 0) - lowest)) / range);
      }
    },
  };
}

function satisfiesAffinity(state: FilterState, pod: V1Pod, node: NodeInfo, labels: NamespaceLabels): boolean {
  const { affinity, affinityCounts } = state;
  if (affinity.length === 0) {
    return true;
  }
  if (affinity.some((term) => node.node.metadata?.labels?.[term.topologyKey] === undefined)) {
    return false;
  }
  if (affinity.every((term) => countOf(affinityCounts, node, term.topologyKey) > 0)) {
    return true;
  }
  // The first of a group that wants to be together has nobody to be with yet.
  const nobody = [...affinityCounts.values()].every((count) => count === 0);
  return nobody && affinity.every((term) => matches(term, pod, pod, labels));
}

function preferences(pod: V1Pod, snapshot: Snapshot, labels: NamespaceLabels): Counts {
  const scores: Counts = new Map();
  const wanted = preferredTerms(pod, 'podAffinity');
  const unwanted = preferredTerms(pod, 'podAntiAffinity');
  for (const node of snapshot.nodes) {
    for (const other of node.pods.values()) {
      for (const term of wanted) {
        addIf(scores, matches(term, pod, other, labels), node, term.topologyKey, term.weight);
      }
      for (const term of unwanted) {
        addIf(scores, matches(term, pod, other, labels), node, term.topologyKey, -term.weight);
      }
      if (other.spec?.affinity) {
        for (const term of requiredTerms(other, 'podAffinity')) {
          addIf(scores, matches(term, other, pod, labels), node, term.topologyKey, 1);
        }
        for (const term of preferredTerms(other, 'podAffinity')) {
          addIf(scores, matches(term, other, pod, labels), node, term.topologyKey, term.weight);
        }
        for (const term of preferredTerms(other, 'podAntiAffinity')) {
          addIf(scores, matches(term, other, pod, labels), node, term.topologyKey, -term.weight);
        }
      }
    }
  }
  return scores;
}

const compiled = new WeakMap<V1PodAffinityTerm, Term>();

function compile(owner: V1Pod, term: V1PodAffinityTerm, weight: number): Term {
  let known = compiled.get(term);
  if (!known) {
    const labels = owner.metadata?.labels ?? {};
    const requirement = (operator: 'In' | 'NotIn') => (key: string) =>
      labels[key] === undefined ? [] : [{ key, operator, values: [labels[key]] }];
    const { matchLabels, matchExpressions = [] } = term.labelSelector ?? {};
    const extra = [
      ...(term.matchLabelKeys ?? []).flatMap(requirement('In')),
      ...(term.mismatchLabelKeys ?? []).flatMap(requirement('NotIn')),
    ];
    const selector = term.labelSelector
      ? labelSelectorAsSelector({ matchLabels, matchExpressions: [...matchExpressions, ...extra] })
      : labelSelectorAsSelector(undefined);
    const own = !term.namespaces?.length && !term.namespaceSelector;
    known = {
      topologyKey: term.topologyKey,
      selector,
      namespaces: new Set(own ? [owner.metadata?.namespace ?? ''] : (term.namespaces ?? [])),
      namespaceSelector: term.namespaceSelector ? labelSelectorAsSelector(term.namespaceSelector) : undefined,
      weight,
    };
    compiled.set(term, known);
  }
  return known;
}

type AffinityKind = 'podAffinity' | 'podAntiAffinity';

function requiredTerms(pod: V1Pod, kind: AffinityKind): Term[] {
  const terms = pod.spec?.affinity?.[kind]?.requiredDuringSchedulingIgnoredDuringExecution ?? [];
  return terms.map((term) => compile(pod, term, 1));
}

function preferredTerms(pod: V1Pod, kind: AffinityKind): Term[] {
  const terms = pod.spec?.affinity?.[kind]?.preferredDuringSchedulingIgnoredDuringExecution ?? [];
  return terms.map(({ podAffinityTerm, weight }) => compile(pod, podAffinityTerm, weight));
}

function matches(term: Term, _owner: V1Pod, pod: V1Pod, namespaceLabels: NamespaceLabels): boolean {
  const namespace = pod.metadata?.namespace ?? '';
  const inNamespace =
    term.namespaces.has(namespace) || (term.namespaceSelector?.matches(namespaceLabels(namespace)) ?? false);
  return inNamespace && term.selector.matches(pod.metadata?.labels ?? {});
}

const separator = '\0';
const split = (pair: string) => pair.split(separator, 2);

function add(counts: Counts, node: NodeInfo, key: string, by: number): void {
  const value = node.node.metadata?.labels?.[key];
  if (value !== undefined) {
    const pair = `${key}${separator}${value}`;
    counts.set(pair, (counts.get(pair) ?? 0) + by);
  }
}

function addIf(counts: Counts, condition: boolean, node: NodeInfo, key: string, by: number): void {
  if (condition) {
    add(counts, node, key, by);
  }
}

function countOf(counts: Counts, node: NodeInfo, key: string): number {
  return counts.get(`${key}${separator}${node.node.metadata?.labels?.[key]}`) ?? 0;
}
