import type { V1Node, V1Toleration } from '@kubelab/api';
import { ConstantState } from '../framework/cycle-state.js';
import { defaultNormalize } from '../framework/normalize.js';
import type { Plugin } from '../framework/plugin.js';
import { Status, unresolvable } from '../framework/status.js';
import { blocksScheduling, taintsOf, tolerates, untoleratedTaint } from '../framework/taints.js';

const name = 'TaintToleration';

class Prefer extends ConstantState {
  constructor(readonly tolerations: readonly V1Toleration[]) {
    super();
  }
}

/** Nodes with untolerated NoSchedule and NoExecute taints don't fit; those with fewer PreferNoSchedule are better. */
export const taintToleration = (): Plugin => ({
  name,
  events: () => [
    {
      resource: 'Node',
      actions: ['Add', 'UpdateNodeTaint'],
      hint: (pod, event) => !untoleratedTaint(taintsOf(event.now as V1Node), pod.spec?.tolerations, blocksScheduling),
    },
    { resource: 'UnscheduledPod', actions: ['UpdatePodToleration'] },
  ],
  filter(_state, pod, node) {
    if (node.hardTaints.length === 0) return undefined;
    const taint = untoleratedTaint(node.hardTaints, pod.pod.spec?.tolerations, blocksScheduling);
    return taint && unresolvable(`node(s) had untolerated taint {${taint.key}: ${taint.value ?? ''}}`);
  },
  preScore(state, pod, nodes) {
    if (!nodes.some((n) => n.softTaints.length > 0)) return Status.skip;
    const tolerations = pod.pod.spec?.tolerations ?? [];
    state.write(name, new Prefer(tolerations.filter((t) => !t.effect || t.effect === 'PreferNoSchedule')));
    return undefined;
  },
  score(state, _pod, node) {
    const tolerations = state.read<Prefer>(name)?.tolerations ?? [];
    let count = 0;
    for (const taint of node.softTaints) if (!tolerations.some((t) => tolerates(t, taint))) count++;
    return count;
  },
  normalizeScore: (_state, _pod, scores) => defaultNormalize(scores, true),
});
