import type { V1Pod } from '@kubelab/api';
import type { NodeInfo } from '../cache/node-info.js';
import { maxNodeScore, type Plugin } from '../framework/types.js';
import { matchesTerm, matchesTerms } from './node-selector.js';
import { normalizeScores } from './normalize.js';

/** nodeSelector and required node affinity; also for plugins that count only the nodes a pod may go to. */
export function matchesNodeSelection(pod: V1Pod, node: NodeInfo): boolean {
  const labels = node.node.metadata?.labels ?? {};
  for (const [key, value] of Object.entries(pod.spec?.nodeSelector ?? {})) {
    if (labels[key] !== value) {
      return false;
    }
  }
  const required = pod.spec?.affinity?.nodeAffinity?.requiredDuringSchedulingIgnoredDuringExecution;
  return !required || matchesTerms(required.nodeSelectorTerms, node.node);
}

export const nodeAffinity: Plugin = {
  name: 'NodeAffinity',
  requeueOn: ['NodeAdd', 'NodeUpdate', 'PodUpdate'],
  filter(_state, pod, node) {
    return matchesNodeSelection(pod, node)
      ? undefined
      : { reasons: ["node(s) didn't match Pod's node affinity/selector"], unresolvable: true };
  },
  score(_state, pod, node) {
    const preferred = pod.spec?.affinity?.nodeAffinity?.preferredDuringSchedulingIgnoredDuringExecution ?? [];
    return preferred.reduce(
      (sum, { weight, preference }) => sum + (matchesTerm(preference, node.node) ? weight : 0),
      0,
    );
  },
  normalize(scores) {
    normalizeScores(scores, maxNodeScore, false);
  },
};
