import type { V1Node, V1NodeSelector, V1NodeSelectorRequirement, V1NodeSelectorTerm, V1Pod } from '@kubelab/api';

function requirementMatches(r: V1NodeSelectorRequirement, values: Record<string, string>): boolean {
  const value = Object.hasOwn(values, r.key) ? values[r.key] : undefined;
  switch (r.operator) {
    case 'In':
      return value !== undefined && (r.values ?? []).includes(value);
    case 'NotIn':
      return value === undefined || !(r.values ?? []).includes(value);
    case 'Exists':
      return value !== undefined;
    case 'DoesNotExist':
      return value === undefined;
    case 'Gt':
    case 'Lt': {
      const bound = r.values?.[0];
      if (value === undefined || bound === undefined || !/^-?\d+$/.test(value) || !/^-?\d+$/.test(bound)) return false;
      return r.operator === 'Gt' ? BigInt(value) > BigInt(bound) : BigInt(value) < BigInt(bound);
    }
    default:
      return false;
  }
}

/** Whether a node satisfies all of a term; an empty term matches nothing. */
export function nodeTermMatches(term: V1NodeSelectorTerm, node: V1Node): boolean {
  const expressions = term.matchExpressions ?? [];
  const fields = term.matchFields ?? [];
  if (expressions.length === 0 && fields.length === 0) return false;
  const labels = node.metadata?.labels ?? {};
  if (!expressions.every((r) => requirementMatches(r, labels))) return false;
  return fields.every((r) => requirementMatches(r, { 'metadata.name': node.metadata?.name ?? '' }));
}

/** Whether a node satisfies one of a selector's terms. */
export function nodeSelectorMatches(selector: V1NodeSelector, node: V1Node): boolean {
  return selector.nodeSelectorTerms.some((term) => nodeTermMatches(term, node));
}

/** Whether a node satisfies a pod's nodeSelector and required node affinity. */
export function podNodeSelectorMatches(pod: V1Pod, node: V1Node): boolean {
  const { nodeSelector, affinity } = pod.spec ?? {};
  const labels = node.metadata?.labels ?? {};
  for (const key in nodeSelector) if (labels[key] !== nodeSelector[key]) return false;
  const required = affinity?.nodeAffinity?.requiredDuringSchedulingIgnoredDuringExecution;
  return !required || nodeSelectorMatches(required, node);
}
