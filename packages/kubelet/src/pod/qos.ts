import type { V1Container } from '@kubelab/api';
import { Quantity } from '@kubelab/apimachinery';
import type { Pod } from './types.js';

export type QosClass = 'Guaranteed' | 'Burstable' | 'BestEffort';

/**
 * The pod's quality of service class: Guaranteed when each container's CPU and memory limits are set and equal to its
 * requests, BestEffort when nothing is requested, Burstable otherwise.
 */
export function qosClass(pod: Pod): QosClass {
  const containers = [...(pod.spec.initContainers ?? []), ...pod.spec.containers];
  const podLevel = pod.spec.resources;
  const all: Pick<V1Container, 'resources'>[] = podLevel ? [{ resources: podLevel }] : containers;
  let guaranteed = true;
  let anything = false;
  for (const { resources } of all) {
    for (const name of ['cpu', 'memory']) {
      const limit = positive(resources?.limits?.[name]);
      const request = positive(resources?.requests?.[name]) ?? limit;
      if (limit || request) anything = true;
      if (!limit || !request?.equals(limit)) guaranteed = false;
    }
  }
  if (!anything) return 'BestEffort';
  return guaranteed ? 'Guaranteed' : 'Burstable';
}

function positive(text: string | undefined): Quantity | undefined {
  const quantity = Quantity.tryParse(text);
  return quantity && quantity.sign() > 0 ? quantity : undefined;
}

/** oom_score_adj of a container: by QoS class, for Burstable by its share of the node's memory. */
export function oomScoreAdj(pod: Pod, container: V1Container, memoryCapacityBytes: number): number {
  if ((pod.spec.priority ?? 0) >= 2_000_000_000) return -997;
  switch (qosClass(pod)) {
    case 'Guaranteed':
      return -997;
    case 'BestEffort':
      return 1000;
    default: {
      const request = Quantity.parseOrZero(container.resources?.requests?.memory).asNumber();
      const score = 1000 - Math.floor((1000 * request) / memoryCapacityBytes);
      if (score < 3) return 3;
      return score === 1000 ? 999 : score;
    }
  }
}
