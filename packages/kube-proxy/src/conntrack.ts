import { run } from '@kubelab/node-iptables';
import type { Protocol, ServicePort } from './model/types.js';

/** Flows of connectionless protocols that must be forgotten, or they would go to where they went before for ever. */
export interface StaleFlows {
  port: ServicePort;
  /** Endpoints no longer used. */
  goneEndpoints: string[];
  /** The port had no endpoints until now: flows recorded without DNAT must go. */
  wasEmpty: boolean;
}

/** TCP connections are left to end by themselves; UDP and SCTP associations are not (kube-proxy's rule). */
export function needsCleanup(protocol: Protocol): boolean {
  return protocol === 'udp' || protocol === 'sctp';
}

/** The `conntrack -D` filters, one command each, that remove the flows. */
export function staleFilters(s: StaleFlows): string[][] {
  const { port } = s;
  const addresses = [port.clusterIP, ...port.externalIPs, ...port.loadBalancerVIPs];
  const base = ['-p', port.protocol];
  const filters: string[][] = [];
  const ends = s.wasEmpty ? [undefined] : s.goneEndpoints;
  for (const ip of ends) {
    const nat = ip === undefined ? [] : ['--dst-nat', ip];
    for (const a of addresses) filters.push([...base, '--orig-dst', a, '--orig-port-dst', String(port.port), ...nat]);
    if (port.nodePort !== 0) filters.push([...base, '--orig-port-dst', String(port.nodePort), ...nat]);
  }
  return filters;
}

/** Deletes flows with the conntrack tool. Rejects if it can't be run; flows that do not exist are no error. */
export async function deleteFlows(filters: string[][], family: 'ipv4' | 'ipv6', prefix: string[] = []): Promise<void> {
  for (const filter of filters) {
    const { code, stderr } = await run([...prefix, 'conntrack', '-D', '-f', family, ...filter]);
    if (code !== 0 && !/0 flow entries have been deleted/.test(stderr)) {
      throw new Error(`conntrack -D ${filter.join(' ')}: exit status ${code}: ${stderr.trim()}`);
    }
  }
}
