import type { NodeResourcesBalancedAllocationArgs } from '../config/types.js';
import { maxNodeScore, type Plugin } from '../framework/plugin.js';
import { Status } from '../framework/status.js';
import { meterOf } from './resource-scorer.js';

/** Prefers nodes whose resources would be used in equal shares: 100 x (1 - standard deviation of the shares). */
export const nodeResourcesBalancedAllocation = (args: NodeResourcesBalancedAllocationArgs): Plugin => {
  /** Used again for each node: scoring is synchronous. */
  const shares: number[] = [];
  const meters = args.resources.map((r) => meterOf(r.name, r.weight, false));
  return {
    name: 'NodeResourcesBalancedAllocation',
    preScore(_state, pod) {
      const { milliCpu, memory, ephemeralStorage, scalars } = pod.request;
      // A best-effort pod changes no balance.
      return milliCpu || memory || ephemeralStorage || scalars ? undefined : Status.skip;
    },
    score(_state, pod, node) {
      shares.length = 0;
      for (const meter of meters) {
        const allocatable = meter.allocatable(node);
        if (allocatable === 0 || !meter.matters(pod)) continue;
        shares.push(Math.min(1, meter.requested(pod, node) / allocatable));
      }
      const deviation = deviationOf(shares);
      return Math.trunc((1 - deviation) * maxNodeScore);
    },
  };
};

/** Standard deviation; the usual case of two without roots. */
function deviationOf(shares: readonly number[]): number {
  if (shares.length === 2) return Math.abs((shares[0] as number) - (shares[1] as number)) / 2;
  if (shares.length < 2) return 0;
  const mean = shares.reduce((a, b) => a + b, 0) / shares.length;
  return Math.sqrt(shares.reduce((a, s) => a + (s - mean) ** 2, 0) / shares.length);
}
