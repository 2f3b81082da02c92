import type { NodeInfo } from '../framework/node-info.js';
import type { PodInfo } from '../framework/pod-info.js';

/** A resource that nodes are scored by: what a node has, and what would be requested of it with the pod there. */
export interface ResourceMeter {
  weight: number;
  allocatable(node: NodeInfo): number;
  requested(pod: PodInfo, node: NodeInfo): number;
  /** False for extended resources that the pod does not want: they have no say. */
  matters(pod: PodInfo): boolean;
}

const always = (): boolean => true;

/**
 * The meter of a resource. CPU and memory are counted with defaults for containers that request none (`nonZero`), so
 * that pods without requests spread too.
 */
export function meterOf(name: string, weight: number, nonZero: boolean): ResourceMeter {
  switch (name) {
    case 'cpu':
      return {
        weight,
        matters: always,
        allocatable: (node) => node.allocatable.milliCpu,
        requested: nonZero
          ? (pod, node) => node.nonZeroRequested.milliCpu + pod.nonZeroRequest.milliCpu
          : (pod, node) => node.requested.milliCpu + pod.request.milliCpu,
      };
    case 'memory':
      return {
        weight,
        matters: always,
        allocatable: (node) => node.allocatable.memory,
        requested: nonZero
          ? (pod, node) => node.nonZeroRequested.memory + pod.nonZeroRequest.memory
          : (pod, node) => node.requested.memory + pod.request.memory,
      };
    case 'ephemeral-storage':
      return {
        weight,
        matters: always,
        allocatable: (node) => node.allocatable.ephemeralStorage,
        requested: (pod, node) => node.requested.ephemeralStorage + pod.request.ephemeralStorage,
      };
    default: {
      const wanted = (pod: PodInfo): number => pod.request.scalars?.get(name) ?? 0;
      return {
        weight,
        matters: (pod) => wanted(pod) > 0,
        allocatable: (node) => node.allocatable.scalars?.get(name) ?? 0,
        requested: (pod, node) => (node.requested.scalars?.get(name) ?? 0) + wanted(pod),
      };
    }
  }
}
