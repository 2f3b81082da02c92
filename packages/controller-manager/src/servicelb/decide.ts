import type { V1LoadBalancerIngress, V1ServicePort } from '@kubelab/api';
import type { Node, Service } from '../framework/kinds.js';
import type { AddressPool } from './pool.js';

export const loadBalancerClass = 'kubelab.io/load-balancer';
const excludeLabel = 'node.kubernetes.io/exclude-from-external-load-balancers';

/** What a Service gets: addresses, or the reason why it gets none. */
export type Decision = { ingress: V1LoadBalancerIngress[] } | { problem: string };

/** Services whose load balancer is this controller's. */
export function isOurs(s: Service): boolean {
  const c = s.spec.loadBalancerClass;
  return s.spec.type === 'LoadBalancer' && (c === undefined || c === loadBalancerClass);
}

export function ingressIps(s: Service): string[] {
  return (s.status?.loadBalancer?.ingress ?? []).map((i) => i.ip).filter((ip) => ip !== undefined);
}

/** An address of the pool: the one it has, the one it asks for, or the first that no other Service has. */
export function decideFromPool(
  s: Service,
  others: Service[],
  pool: AddressPool,
  reserved: ReadonlySet<string>,
): Decision {
  const taken = new Set([...others.flatMap(ingressIps), ...reserved]);
  const asked = s.spec.loadBalancerIP;
  if (asked) {
    if (!pool.contains(asked)) return { problem: `requested address ${asked} is not in the pool` };
    if (taken.has(asked)) return { problem: `requested address ${asked} is in use` };
    return { ingress: [{ ip: asked }] };
  }
  const current = ingressIps(s)[0];
  if (current && pool.contains(current) && !taken.has(current)) return { ingress: [{ ip: current }] };
  const ip = pool.find((candidate) => !taken.has(candidate));
  return ip === undefined ? { problem: 'no address is left in the pool' } : { ingress: [{ ip }] };
}

/** Ports of the nodes themselves (ssh, etcd, API server, kubelet and the like): a Service must not take them over. */
const nodePorts = new Set([22, 2379, 2380, 6443, 10248, 10249, 10250, 10255, 10256, 10257, 10259]);

const portKey = (p: V1ServicePort) => `${p.protocol ?? 'TCP'} ${p.port}`;

/** The addresses of all ready nodes; each port can be had by one Service only, the one that has it or came first. */
export function decideFromNodes(s: Service, others: Service[], nodes: Node[]): Decision {
  const ports = s.spec.ports ?? [];
  const own = ports.find((p) => (p.protocol ?? 'TCP') === 'TCP' && nodePorts.has(p.port));
  if (own) return { problem: `port ${own.port} is used by the nodes themselves` };
  for (const other of others.filter((o) => ingressIps(o).length > 0)) {
    const clash = ports.find((p) => (other.spec.ports ?? []).some((q) => portKey(p) === portKey(q)));
    if (!clash) continue;
    const name = `${other.metadata.namespace}/${other.metadata.name}`;
    return { problem: `port ${clash.port} of the nodes' addresses is in use by Service ${name}` };
  }
  const usable = nodes.filter(
    (n) =>
      n.metadata.labels?.[excludeLabel] === undefined &&
      n.status?.conditions?.find((c) => c.type === 'Ready')?.status === 'True',
  );
  const families = new Set(s.spec.ipFamilies ?? ['IPv4']);
  const ips = usable
    .flatMap((n) => (n.status?.addresses ?? []).filter((a) => a.type === 'InternalIP').map((a) => a.address))
    .filter((ip) => families.has(ip.includes(':') ? 'IPv6' : 'IPv4'))
    .sort();
  return ips.length > 0 ? { ingress: ips.map((ip) => ({ ip })) } : { problem: 'no node is ready' };
}
