import { maxNodeScore, type Plugin } from '../framework/types.js';
import { sharesAfter } from './node-resources-fit.js';

/** Prefers nodes whose CPU and memory would be used to the same share. */
export const nodeResourcesBalancedAllocation: Plugin = {
  name: 'NodeResourcesBalancedAllocation',
  score(_state, pod, node) {
    const shares = sharesAfter(pod, node).map((share) => Math.min(share, 1));
    const mean = shares.reduce((sum, share) => sum + share, 0) / shares.length;
    const variance = shares.reduce((sum, share) => sum + (share - mean) ** 2, 0) / shares.length;
    return Math.floor((1 - Math.sqrt(variance)) * maxNodeScore);
  },
};
