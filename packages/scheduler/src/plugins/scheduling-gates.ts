import type { Plugin } from '../framework/plugin.js';
import { unresolvable } from '../framework/status.js';

/** Keeps pods with scheduling gates (KEP-3521) out of the queue. */
export const schedulingGates = (): Plugin => ({
  name: 'SchedulingGates',
  events: () => [{ resource: 'UnscheduledPod', actions: ['UpdatePodSchedulingGates'] }],
  preEnqueue(pod) {
    const gates = pod.spec?.schedulingGates ?? [];
    if (gates.length === 0) return undefined;
    return unresolvable(`waiting for scheduling gates: [${gates.map((g) => g.name).join(' ')}]`);
  },
});
