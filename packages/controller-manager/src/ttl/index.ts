import type { V1Node } from '@kubelab/api';
import { isNotFound } from '@kubelab/apimachinery';
import { gvr } from '@kubelab/client';
import type { ControllerDescriptor } from '../framework/controller.js';
import type { Node } from '../framework/kinds.js';
import { Reconciler } from '../framework/reconciler.js';

const ttlAnnotation = 'node.alpha.kubernetes.io/ttl';

/** Cluster sizes, with hysteresis, and how long kubelets may keep secrets and config maps there, in seconds. */
const boundaries = [
  { min: 0, max: 100, ttl: 0 },
  { min: 90, max: 500, ttl: 15 },
  { min: 450, max: 1000, ttl: 30 },
  { min: 900, max: 2000, ttl: 60 },
  { min: 1800, max: Number.POSITIVE_INFINITY, ttl: 300 },
];

/** The seconds for a cluster size, starting from those in force: sizes at a boundary do not flap. */
export function ttlFor(nodeCount: number, current: number | undefined): number {
  const known = boundaries.find(({ ttl }) => ttl === current);
  if (known && nodeCount >= known.min && nodeCount <= known.max) return known.ttl;
  return boundaries.find(({ max }) => nodeCount <= max)?.ttl ?? 0;
}

/** Tells kubelets by annotation how long they may cache, by the size of the cluster. */
export const ttlController: ControllerDescriptor = {
  name: 'ttl-controller',
  aliases: ['ttl'],
  create({ client, informers, logger, options }) {
    const nodes = informers.informer<Node>(gvr.nodes);

    async function reconcile(name: string): Promise<void> {
      const node = nodes.lister.get(undefined, name);
      if (!node) return;
      const text = node.metadata.annotations?.[ttlAnnotation];
      const wanted = String(ttlFor(nodes.lister.list().length, text === undefined ? undefined : Number(text)));
      if (text === wanted) return;
      try {
        const patch = { metadata: { annotations: { [ttlAnnotation]: wanted } } };
        await client.resource<V1Node>(gvr.nodes).patch(name, patch, { type: 'strategic' });
      } catch (error) {
        if (!isNotFound(error)) throw error;
      }
    }

    return new Reconciler({ name: 'ttl-controller', logger, workers: options.concurrentSyncs, reconcile }).watch(
      nodes,
      (node) => [node.metadata.name],
    );
  },
};
