import type { V1Node, V1NodeSelector, V1NodeSelectorTerm } from '@kubelab/api';
import type { NodeAffinityArgs } from '../config/types.js';
import { nodeSelectorMatches, nodeTermMatches, podNodeSelectorMatches } from '../framework/node-selector.js';
import { defaultNormalize } from '../framework/normalize.js';
import type { Plugin } from '../framework/plugin.js';
import { Status, unresolvable } from '../framework/status.js';

/** Node names that a required node affinity narrows the pod to by metadata.name; undefined if it doesn't. */
function namedNodes(terms: V1NodeSelectorTerm[]): Set<string> | undefined {
  const names = new Set<string>();
  for (const term of terms) {
    let ofTerm: Set<string> | undefined;
    for (const r of term.matchFields ?? []) {
      if (r.key !== 'metadata.name' || r.operator !== 'In') continue;
      const values = new Set(r.values ?? []);
      ofTerm = ofTerm ? new Set([...ofTerm].filter((v) => values.has(v))) : values;
    }
    // A term without names may match any node.
    if (!ofTerm) return undefined;
    for (const n of ofTerm) names.add(n);
  }
  return names;
}

/** nodeSelector and node affinity: required terms filter, preferred ones score. */
export const nodeAffinity = (args: NodeAffinityArgs): Plugin => {
  const added = args.addedAffinity;
  const addedRequired: V1NodeSelector | undefined = added?.requiredDuringSchedulingIgnoredDuringExecution;
  const addedPreferred = added?.preferredDuringSchedulingIgnoredDuringExecution ?? [];
  return {
    name: 'NodeAffinity',
    events: () => [
      {
        resource: 'Node',
        actions: ['Add', 'UpdateNodeLabel'],
        hint: (pod, event) => podNodeSelectorMatches(pod, event.now as V1Node),
      },
    ],
    preFilter(_state, pod) {
      const spec = pod.pod.spec;
      const required = spec?.affinity?.nodeAffinity?.requiredDuringSchedulingIgnoredDuringExecution;
      if (!required && !spec?.nodeSelector && !addedRequired) return { status: Status.skip };
      const nodeNames = required && namedNodes(required.nodeSelectorTerms);
      if (nodeNames && nodeNames.size === 0) return { status: unresolvable('pod affinity terms conflict') };
      return { nodeNames };
    },
    filter(_state, pod, node) {
      if (!node.node) return undefined;
      if (addedRequired && !nodeSelectorMatches(addedRequired, node.node)) {
        return unresolvable("node(s) didn't match scheduler-enforced node affinity");
      }
      if (podNodeSelectorMatches(pod.pod, node.node)) return undefined;
      return unresolvable("node(s) didn't match Pod's node affinity/selector");
    },
    preScore(_state, pod) {
      const preferred = pod.pod.spec?.affinity?.nodeAffinity?.preferredDuringSchedulingIgnoredDuringExecution;
      return preferred?.length || addedPreferred.length > 0 ? undefined : Status.skip;
    },
    score(_state, pod, node) {
      if (!node.node) return 0;
      const preferred = pod.pod.spec?.affinity?.nodeAffinity?.preferredDuringSchedulingIgnoredDuringExecution ?? [];
      let sum = 0;
      for (const p of preferred) if (matchesPreference(p.preference, node.node)) sum += p.weight;
      for (const p of addedPreferred) if (matchesPreference(p.preference, node.node)) sum += p.weight;
      return sum;
    },
    normalizeScore: (_state, _pod, scores) => defaultNormalize(scores, false),
  };
};

/** Unlike a required term, an empty preference matches nothing and does no harm. */
const matchesPreference = (term: V1NodeSelectorTerm, node: V1Node): boolean => nodeTermMatches(term, node);
