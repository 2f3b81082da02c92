import type { V1Ingress, V1IngressLoadBalancerIngress, V1Service } from '@kubelab/api';
import { deepEqual, isNotFound } from '@kubelab/apimachinery';
import type { Client } from '@kubelab/client';
import { gvr } from '@kubelab/client';

/** What others wrote over a status stays this long, as with ingress-nginx (`--status-update-interval`). */
const correctionMs = 60_000;

/** Writes into Ingresses where they are served. */
export class StatusWriter {
  /** By UID: what was written last, and when. */
  private readonly written = new Map<string, { addresses: V1IngressLoadBalancerIngress[]; at: number }>();

  constructor(
    private readonly client: Client,
    private readonly now: () => number = () => performance.now(),
  ) {}

  /**
   * Writes the addresses where they are not there yet: at once into new Ingresses and when they are others than before,
   * but what somebody else has written since only after a minute, or two writers would never let each other finish.
   * Resolves with the milliseconds after which it is to be called again, 0 if all is written.
   */
  async write(ingresses: V1Ingress[], addresses: V1IngressLoadBalancerIngress[]): Promise<number> {
    const uids = new Set(ingresses.map((i) => i.metadata?.uid ?? ''));
    for (const uid of this.written.keys()) if (!uids.has(uid)) this.written.delete(uid);
    const waits: number[] = [];
    for (const ingress of ingresses) {
      const there = (ingress.status?.loadBalancer?.ingress ?? []).map(({ ports: _ports, ...a }) => a);
      if (deepEqual(there, addresses)) continue;
      const uid = ingress.metadata?.uid ?? '';
      const last = this.written.get(uid);
      const wait = last && deepEqual(last.addresses, addresses) ? last.at + correctionMs - this.now() : 0;
      if (wait > 0) {
        waits.push(wait);
        continue;
      }
      await this.publish(ingress, addresses);
      this.written.set(uid, { addresses, at: this.now() });
    }
    return waits.length > 0 ? Math.min(...waits) : 0;
  }

  private async publish(ingress: V1Ingress, addresses: V1IngressLoadBalancerIngress[]): Promise<void> {
    const { namespace = '', name = '' } = ingress.metadata ?? {};
    const body = { status: { loadBalancer: { ingress: addresses } } };
    try {
      await this.client
        .resource<V1Ingress>(gvr.ingresses)
        .namespace(namespace)
        .patch(name, body, { type: 'merge', subresource: 'status' });
    } catch (error) {
      if (!isNotFound(error)) throw error;
    }
  }
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
