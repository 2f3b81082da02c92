import type { V1LabelSelectorRequirement, V1Pod, V1PodAffinityTerm } from '../generated/types.js';

/**
 * Writes what matchLabelKeys and mismatchLabelKeys of pod affinity terms (KEP-3633) mean for this pod into the terms'
 * label selectors, where the scheduler looks. Keys that the pod has no label for mean nothing.
 */
export function mergeMatchLabelKeys(pod: V1Pod): void {
  const labels = pod.metadata?.labels;
  const { podAffinity, podAntiAffinity } = pod.spec?.affinity ?? {};
  if (!labels) return;
  for (const affinity of [podAffinity, podAntiAffinity]) {
    for (const term of affinity?.requiredDuringSchedulingIgnoredDuringExecution ?? []) mergeTerm(term, labels);
    for (const { podAffinityTerm } of affinity?.preferredDuringSchedulingIgnoredDuringExecution ?? []) {
      mergeTerm(podAffinityTerm, labels);
    }
  }
}

function mergeTerm(term: V1PodAffinityTerm, labels: Record<string, string>): void {
  // Without a selector a term selects nothing, and more requirements change nothing.
  if (!term.labelSelector) return;
  const requirements = (keys: string[] | undefined, operator: string): V1LabelSelectorRequirement[] =>
    (keys ?? []).flatMap((key) => (labels[key] === undefined ? [] : [{ key, operator, values: [labels[key]] }]));
  const added = [...requirements(term.matchLabelKeys, 'In'), ...requirements(term.mismatchLabelKeys, 'NotIn')];
  if (added.length === 0) return;
  term.labelSelector.matchExpressions = [...(term.labelSelector.matchExpressions ?? []), ...added];
}
