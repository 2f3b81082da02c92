import type { V1Ingress, V1IngressLoadBalancerIngress, V1Service } from '@kubelab/api';
import { deepEqual, isNotFound } from '@kubelab/apimachinery';
import type { Client } from '@kubelab/client';
import { gvr } from '@kubelab/client';

/** Writes the addresses at which an Ingress is served, if they are not there yet. */
export async function publish(
  client: Client,
  ingress: V1Ingress,
  addresses: V1IngressLoadBalancerIngress[],
): Promise<boolean> {
  const now = (ingress.status?.loadBalancer?.ingress ?? []).map(({ ports: _ports, ...a }) => a);
  if (deepEqual(now, addresses)) return false;
  const { namespace = '', name = '' } = ingress.metadata ?? {};
  const body = { status: { loadBalancer: { ingress: addresses } } };
  try {
    await client
      .resource<V1Ingress>(gvr.ingresses)
      .namespace(namespace)
      .patch(name, body, { type: 'merge', subresource: 'status' });
  } catch (error) {
    if (!isNotFound(error)) throw error;
  }
  return true;
}

/** The addresses of the Service in front of the controller: its load balancer's, its external ones, its cluster IP. */
export function serviceAddresses(s: V1Service | undefined): V1IngressLoadBalancerIngress[] {
  const ingress = s?.status?.loadBalancer?.ingress ?? [];
  if (ingress.length > 0) {
    return ingress.map((i) => ({ ...(i.ip ? { ip: i.ip } : {}), ...(i.hostname ? { hostname: i.hostname } : {}) }));
  }
  const external = s?.spec?.externalIPs ?? [];
  if (external.length > 0) return external.map((ip) => ({ ip }));
  const ip = s?.spec?.clusterIP;
  return s?.spec?.type !== 'LoadBalancer' && ip && ip !== 'None' ? [{ ip }] : [];
}
