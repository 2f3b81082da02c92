import type { V1EndpointSlice } from '@kubelab/api';
import { type Endpoint, type IpFamily, joinAddress } from './types.js';

export const serviceNameLabel = 'kubernetes.io/service-name';

/** `namespace/name` of the Service a slice belongs to, or undefined. */
export function sliceService(slice: V1EndpointSlice): string | undefined {
  const name = slice.metadata?.labels?.[serviceNameLabel];
  return name ? `${slice.metadata?.namespace ?? ''}/${name}` : undefined;
}

/**
 * The endpoints of one port of a Service, of all its slices, without duplicates and in the order of their addresses,
 * so that the same set always gives the same rules. A slice's port is matched by name and protocol: its number is
 * the target port, already resolved for each pod.
 */
export function portEndpoints(
  slices: Iterable<V1EndpointSlice>,
  port: { portName: string; protocol: string },
  family: IpFamily,
  nodeName: string,
): Endpoint[] {
  const byAddress = new Map<string, Endpoint>();
  for (const slice of slices) {
    if ((slice.addressType === 'IPv6' ? 'ipv6' : slice.addressType === 'IPv4' ? 'ipv4' : '') !== family) continue;
    for (const p of slice.ports ?? []) {
      if (p.port === undefined || (p.name ?? '') !== port.portName) continue;
      if ((p.protocol ?? 'TCP').toLowerCase() !== port.protocol) continue;
      for (const e of slice.endpoints ?? []) {
        // Kubernetes treats further addresses of an endpoint as alternatives and uses the first.
        const ip = e.addresses[0];
        if (ip === undefined) continue;
        const address = joinAddress(ip, p.port);
        const ready = e.conditions?.ready ?? true;
        const endpoint: Endpoint = {
          ip,
          port: p.port,
          address,
          ready,
          serving: e.conditions?.serving ?? ready,
          terminating: e.conditions?.terminating ?? false,
          local: nodeName !== '' && e.nodeName === nodeName,
          zoneHints: e.hints?.forZones?.map((z) => z.name) ?? [],
          nodeHints: e.hints?.forNodes?.map((n) => n.name) ?? [],
        };
        // The same endpoint may be in two slices while it moves between them; a ready copy counts.
        const other = byAddress.get(address);
        if (!other || (!other.ready && endpoint.ready)) byAddress.set(address, endpoint);
      }
    }
  }
  return [...byAddress.values()].sort((a, b) => (a.address < b.address ? -1 : 1));
}
