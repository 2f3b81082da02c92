import { ConstantState } from '../framework/cycle-state.js';
import { maxNodeScore, type Plugin } from '../framework/plugin.js';
import { Status } from '../framework/status.js';

const name = 'ImageLocality';
const mb = 1024 * 1024;
const minThreshold = 23 * mb;
const maxContainerThreshold = 1000 * mb;

/** Of each container's image that some node has: the share of nodes that have it. */
class Spread extends ConstantState {
  constructor(
    readonly images: readonly { image: string; share: number }[],
    readonly containers: number,
  ) {
    super();
  }
}

/** As container runtimes name images: a name without a tag means :latest. */
function normalized(image: string): string {
  const afterSlash = image.slice(image.lastIndexOf('/') + 1);
  return afterSlash.includes(':') || image.includes('@') ? image : `${image}:latest`;
}

/** Prefers nodes that have the pod's images, large ones more, and less so the fewer nodes have them (no hot spots). */
export const imageLocality = (): Plugin => ({
  name,
  preScore(state, pod, _nodes, snapshot) {
    const containers = [...(pod.pod.spec?.containers ?? []), ...(pod.pod.spec?.initContainers ?? [])];
    const images: { image: string; share: number }[] = [];
    for (const c of containers) {
      const image = normalized(c.image ?? '');
      const having = snapshot.nodesWithImage(image);
      if (having > 0) images.push({ image, share: having / snapshot.nodes.length });
    }
    if (images.length === 0) return Status.skip;
    state.write(name, new Spread(images, containers.length));
    return undefined;
  },
  score(state, _pod, node) {
    const spread = state.read<Spread>(name);
    if (!spread) return 0;
    let sum = 0;
    for (const { image, share } of spread.images) sum += Math.trunc((node.images.get(image) ?? 0) * share);
    const max = maxContainerThreshold * spread.containers;
    const clamped = Math.min(max, Math.max(minThreshold, sum));
    return Math.trunc((maxNodeScore * (clamped - minThreshold)) / (max - minThreshold));
  },
});
