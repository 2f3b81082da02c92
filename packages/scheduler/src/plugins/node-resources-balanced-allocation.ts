import type { NodeResourcesBalancedAllocationArgs } from '../config/types.js';
import { maxNodeScore, type Plugin } from '../framework/plugin.js';
import { Status } from '../framework/status.js';
import { demandOf } from './resource-scorer.js';

/** Prefers nodes whose resources would be used in equal shares: 100 x (1 - standard deviation of the shares). */
export const nodeResourcesBalancedAllocation = (args: NodeResourcesBalancedAllocationArgs): Plugin => ({
  name: 'NodeResourcesBalancedAllocation',
  preScore(_state, pod) {
    const { milliCpu, memory, ephemeralStorage, scalars } = pod.request;
    // A best-effort pod changes no balance.
    return milliCpu || memory || ephemeralStorage || scalars ? undefined : Status.skip;
  },
  score(_state, pod, node) {
    const shares: number[] = [];
    for (const { name } of args.resources) {
      const demand = demandOf(name, pod, node, false);
      if (demand && demand.allocatable > 0) shares.push(Math.min(1, demand.requested / demand.allocatable));
    }
    let deviation = 0;
    if (shares.length === 2) {
      deviation = Math.abs(((shares[0] as number) - (shares[1] as number)) / 2);
    } else if (shares.length > 2) {
      const mean = shares.reduce((a, b) => a + b, 0) / shares.length;
      deviation = Math.sqrt(shares.reduce((a, s) => a + (s - mean) ** 2, 0) / shares.length);
    }
    return Math.trunc((1 - deviation) * maxNodeScore);
  },
});
