import type { V1Node } from '@kubelab/api';
import type { Plugin } from '../framework/plugin.js';
import { unresolvable } from '../framework/status.js';

/** A pod that names its node fits only there. */
export const nodeName = (): Plugin => ({
  name: 'NodeName',
  events: () => [
    {
      resource: 'Node',
      actions: ['Add'],
      hint: (pod, event) => (event.now as V1Node).metadata?.name === pod.spec?.nodeName,
    },
  ],
  filter(_state, pod, node) {
    const wanted = pod.pod.spec?.nodeName;
    if (!wanted || wanted === node.name) return undefined;
    return unresolvable("node(s) didn't match the requested node name");
  },
});
