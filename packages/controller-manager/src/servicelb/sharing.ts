import { deepEqual } from '@kubelab/apimachinery';
import type { Service } from '../framework/kinds.js';

/** Services with the same value here may have the same address, where `canShare` allows it. */
export const sharedIpAnnotation = 'kubelab.io/allow-shared-ip';

const ports = (s: Service) => new Set((s.spec.ports ?? []).map((p) => `${p.protocol ?? 'TCP'} ${p.port}`));

/** A port that both have on the same address. */
export function clashingPort(a: Service, b: Service): string | undefined {
  const taken = ports(b);
  return [...ports(a)].find((p) => taken.has(p));
}

/**
 * Whether two Services may have one address: the same key, no port in common, and traffic that may come in at the same
 * node: both of policy Cluster, or both Local with the same pods. The conditions of MetalLB's allow-shared-ip.
 */
export function canShare(a: Service, b: Service): boolean {
  const key = a.metadata.annotations?.[sharedIpAnnotation];
  if (!key || key !== b.metadata.annotations?.[sharedIpAnnotation]) return false;
  if (clashingPort(a, b)) return false;
  const isLocal = (s: Service) => s.spec.externalTrafficPolicy === 'Local';
  if (isLocal(a) !== isLocal(b)) return false;
  return !isLocal(a) || (a.metadata.namespace === b.metadata.namespace && deepEqual(a.spec.selector, b.spec.selector));
}
