import { maxNodeScore, type Plugin } from '../framework/types.js';

const mb = 1024 * 1024;
const leastBytes = 23 * mb;
const mostBytes = 1000 * mb;

/** Prefers nodes that have the pod's images, by their size. */
export const imageLocality: Plugin = {
  name: 'ImageLocality',
  score(_state, pod, node) {
    const sizes = new Map<string, number>();
    for (const image of node.node.status?.images ?? []) {
      for (const name of image.names ?? []) {
        sizes.set(name, image.sizeBytes ?? 0);
      }
    }
    const containers = pod.spec?.containers ?? [];
    const bytes = containers.reduce((sum, { image = '' }) => sum + (sizes.get(withTag(image)) ?? 0), 0);
    const most = mostBytes * Math.max(containers.length, 1);
    const clamped = Math.min(Math.max(bytes, leastBytes), most);
    return Math.floor((maxNodeScore * (clamped - leastBytes)) / (most - leastBytes));
  },
};

function withTag(image: string): string {
  return /[:@][^/]*$/.test(image) ? image : `${image}:latest`;
}
