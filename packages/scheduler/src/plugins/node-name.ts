import type { Plugin } from '../framework/types.js';

/** A pod that names its node goes nowhere else. */
export const nodeName: Plugin = {
  name: 'NodeName',
  requeueOn: ['NodeAdd', 'NodeUpdate'],
  filter(_state, pod, node) {
    const wanted = pod.spec?.nodeName;
    return wanted && wanted !== node.name
      ? { reasons: ["node(s) didn't match the requested node name"], unresolvable: true }
      : undefined;
  },
};
