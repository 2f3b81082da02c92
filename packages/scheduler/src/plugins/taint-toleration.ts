import { maxNodeScore, type Plugin } from '../framework/types.js';
import { normalizeScores } from './normalize.js';
import { tolerates } from './tolerations.js';

/** Refuses nodes with taints that the pod does not tolerate, and prefers those with fewer PreferNoSchedule ones. */
export const taintToleration: Plugin = {
  name: 'TaintToleration',
  requeueOn: ['NodeAdd', 'NodeUpdate', 'PodUpdate'],
  filter(_state, pod, node) {
    const taint = (node.node.spec?.taints ?? []).find(
      ({ effect, ...rest }) =>
        (effect === 'NoSchedule' || effect === 'NoExecute') && !tolerates(pod.spec?.tolerations, { effect, ...rest }),
    );
    return taint
      ? { reasons: [`node(s) had untolerated taint {${taint.key}: ${taint.value ?? ''}}`], unresolvable: true }
      : undefined;
  },
  score(_state, pod, node) {
    return (node.node.spec?.taints ?? []).filter(
      (taint) => taint.effect === 'PreferNoSchedule' && !tolerates(pod.spec?.tolerations, taint),
    ).length;
  },
  normalize(scores) {
    normalizeScores(scores, maxNodeScore, true);
  },
};
