import type { Plugin } from '../framework/types.js';
import { tolerates } from './tolerations.js';

const taint = { key: 'node.kubernetes.io/unschedulable', effect: 'NoSchedule' };

/** Refuses cordoned nodes, unless the pod tolerates their taint. */
export const nodeUnschedulable: Plugin = {
  name: 'NodeUnschedulable',
  requeueOn: ['NodeAdd', 'NodeUpdate'],
  filter(_state, pod, node) {
    if (node.node.spec?.unschedulable && !tolerates(pod.spec?.tolerations, taint)) {
      return { reasons: ['node(s) were unschedulable'], unresolvable: true };
    }
    return undefined;
  },
};
