import type { V1Node, V1NodeSelectorRequirement, V1NodeSelectorTerm } from '@kubelab/api';

/** Whether a node matches one of the terms; none matches without terms (component-helpers/nodeaffinity). */
export function matchesTerms(terms: readonly V1NodeSelectorTerm[], node: V1Node): boolean {
  return terms.some((term) => matchesTerm(term, node));
}

/** An empty term matches nothing. */
export function matchesTerm(term: V1NodeSelectorTerm, node: V1Node): boolean {
  const { matchExpressions = [], matchFields = [] } = term;
  if (matchExpressions.length === 0 && matchFields.length === 0) {
    return false;
  }
  const labels = node.metadata?.labels ?? {};
  const fields = { 'metadata.name': node.metadata?.name ?? '' };
  return (
    matchExpressions.every((requirement) => matches(requirement, labels)) &&
    matchFields.every((requirement) => matches(requirement, fields))
  );
}

function matches(requirement: V1NodeSelectorRequirement, labels: Record<string, string>): boolean {
  const { key, operator, values = [] } = requirement;
  const value = labels[key];
  switch (operator) {
    case 'In':
      return value !== undefined && values.includes(value);
    case 'NotIn':
      return value === undefined || !values.includes(value);
    case 'Exists':
      return value !== undefined;
    case 'DoesNotExist':
      return value === undefined;
    case 'Gt':
      return isInteger(value) && Number(value) > Number(values[0]);
    case 'Lt':
      return isInteger(value) && Number(value) < Number(values[0]);
    default:
      return false;
  }
}

function isInteger(value: string | undefined): boolean {
  return value !== undefined && /^-?\d+$/.test(value);
}
