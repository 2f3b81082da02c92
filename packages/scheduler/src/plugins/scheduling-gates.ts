import type { Plugin } from '../framework/types.js';

/** A pod with gates is not looked at before they are taken away (KEP-3521). */
export const schedulingGates: Plugin = {
  name: 'SchedulingGates',
  preEnqueue(pod) {
    const gates = (pod.spec?.schedulingGates ?? []).map((gate) => gate.name);
    return gates.length > 0 ? `waiting for scheduling gates: [${gates.join(' ')}]` : undefined;
  },
};
