import type { NodeInfo } from '../framework/node-info.js';
import type { PodInfo } from '../framework/pod-info.js';

/** A node's capacity of a resource, and what would be requested of it with the pod there. */
export interface Demand {
  allocatable: number;
  requested: number;
}

/**
 * CPU and memory are counted with defaults for containers that request none (`nonZero`), so that pods without
 * requests spread too. Undefined: neither the node has it nor the pod wants it.
 */
export function demandOf(resource: string, pod: PodInfo, node: NodeInfo, nonZero: boolean): Demand | undefined {
  const requested = nonZero ? node.nonZeroRequested : node.requested;
  const wanted = nonZero ? pod.nonZeroRequest : pod.request;
  switch (resource) {
    case 'cpu':
      return { allocatable: node.allocatable.milliCpu, requested: requested.milliCpu + wanted.milliCpu };
    case 'memory':
      return { allocatable: node.allocatable.memory, requested: requested.memory + wanted.memory };
    case 'ephemeral-storage':
      return {
        allocatable: node.allocatable.ephemeralStorage,
        requested: node.requested.ephemeralStorage + pod.request.ephemeralStorage,
      };
    default: {
      const podWants = pod.request.scalars?.get(resource) ?? 0;
      if (podWants === 0) return undefined;
      return {
        allocatable: node.allocatable.scalars?.get(resource) ?? 0,
        requested: (node.requested.scalars?.get(resource) ?? 0) + podWants,
      };
    }
  }
}
