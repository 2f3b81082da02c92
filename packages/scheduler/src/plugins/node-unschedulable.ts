import type { V1Node, V1Taint } from '@kubelab/api';
import type { Plugin } from '../framework/plugin.js';
import { unresolvable } from '../framework/status.js';
import { tolerates } from '../framework/taints.js';

const taint: V1Taint = { key: 'node.kubernetes.io/unschedulable', effect: 'NoSchedule' };

/** Cordoned nodes take only pods that tolerate it. */
export const nodeUnschedulable = (): Plugin => ({
  name: 'NodeUnschedulable',
  events: () => [
    {
      resource: 'Node',
      actions: ['Add', 'UpdateNodeTaint'],
      hint: (_pod, event) => !(event.now as V1Node).spec?.unschedulable,
    },
    { resource: 'UnscheduledPod', actions: ['UpdatePodToleration'] },
  ],
  filter(_state, pod, node) {
    if (!node.unschedulable) return undefined;
    if (pod.pod.spec?.tolerations?.some((t) => tolerates(t, taint))) return undefined;
    return unresolvable('node(s) were unschedulable');
  },
});
