import { Quantity } from '@kubelab/apimachinery';
import type { V1Pod } from './generated/types.js';

const COUNTED = ['cpu', 'memory'];

/**
 * The quality-of-service class that a pod's resources give: Guaranteed where every container has equal requests and
 * limits of CPU and memory, BestEffort where none has any, Burstable between.
 */
export function podQosClass(pod: V1Pod): 'Guaranteed' | 'Burstable' | 'BestEffort' {
  const containers = [...(pod.spec?.containers ?? []), ...(pod.spec?.initContainers ?? [])];
  let any = false;
  let guaranteed = true;
  for (const c of containers) {
    for (const name of COUNTED) {
      const limit = Quantity.tryParse(c.resources?.limits?.[name]);
      const request = Quantity.tryParse(c.resources?.requests?.[name]);
      const hasLimit = limit !== undefined && limit.sign() > 0;
      const hasRequest = request !== undefined && request.sign() > 0;
      if (hasLimit || hasRequest) any = true;
      if (!hasLimit || (hasRequest && !request.equals(limit))) guaranteed = false;
    }
  }
  if (!any) return 'BestEffort';
  return guaranteed ? 'Guaranteed' : 'Burstable';
}
