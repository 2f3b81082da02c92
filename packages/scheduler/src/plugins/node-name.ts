import type { V1Node } from '@kubelab/api';
import type { Plugin } from '../framework/plugin.js';
import { Status, unresolvable } from '../framework/status.js';

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
  preFilter: (_state, pod) => (pod.pod.spec?.nodeName ? undefined : { status: Status.skip }),
  filter(_state, pod, node) {
    const wanted = pod.pod.spec?.nodeName;
    if (!wanted || wanted === node.name) return undefined;
    return unresolvable("node(s) didn't match the requested node name");
  },
});
