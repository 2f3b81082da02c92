import type { V1Pod, V1PodAffinityTerm } from '@kubelab/api';
import { everything, labelSelectorAsSelector, nothing, type Selector } from '@kubelab/apimachinery';

/** A pod (anti-)affinity term with its selectors parsed. */
export interface AffinityTerm {
  namespaces: Set<string>;
  /** Matches nothing when the term has no namespaceSelector. */
  namespaceSelector: Selector;
  selector: Selector;
  topologyKey: string;
  /** Of preferred terms. */
  weight: number;
}

/** Parses a term; a term without namespaces and namespaceSelector means the pod's own namespace. */
export function affinityTerm(pod: V1Pod, term: V1PodAffinityTerm, weight = 0): AffinityTerm {
  const namespaces = new Set(term.namespaces ?? []);
  if (namespaces.size === 0 && !term.namespaceSelector) namespaces.add(pod.metadata?.namespace ?? '');
  return {
    namespaces,
    namespaceSelector: !term.namespaceSelector
      ? nothing
      : isEmpty(term.namespaceSelector)
        ? everything
        : labelSelectorAsSelector(term.namespaceSelector),
    selector: term.labelSelector ? labelSelectorAsSelector(term.labelSelector) : nothing,
    topologyKey: term.topologyKey,
    weight,
  };
}

function isEmpty(s: { matchLabels?: object; matchExpressions?: unknown[] }): boolean {
  return Object.keys(s.matchLabels ?? {}).length === 0 && (s.matchExpressions?.length ?? 0) === 0;
}

/** Whether the term selects a pod; `namespaceLabels` are those of that pod's namespace. */
export function termMatches(
  term: AffinityTerm,
  pod: V1Pod,
  namespaceLabels: Record<string, string> | undefined,
): boolean {
  const namespace = pod.metadata?.namespace ?? '';
  if (!term.namespaces.has(namespace) && !term.namespaceSelector.matches(namespaceLabels ?? {})) return false;
  return term.selector.matches(pod.metadata?.labels ?? {});
}
