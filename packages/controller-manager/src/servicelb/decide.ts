import { isIP } from 'node:net';
import type { V1LoadBalancerIngress } from '@kubelab/api';
import type { Node, Service } from '../framework/kinds.js';
import { type AddressPool, canonicalIp, familyOf, type IpFamily } from './pool.js';
import { canShare, clashingPort } from './sharing.js';

export const loadBalancerClass = 'kubelab.io/load-balancer';
/** Addresses a Service asks for, comma separated, one a family; `spec.loadBalancerIP` can name one only. */
export const addressesAnnotation = 'kubelab.io/load-balancer-ips';
const excludeLabel = 'node.kubernetes.io/exclude-from-external-load-balancers';
/** Of the cluster autoscaler, on a node it is about to remove. */
const toBeDeletedTaint = 'ToBeDeletedByClusterAutoscaler';

/** What a Service gets: addresses, or the reason why it gets none. */
export type Decision = { ingress: V1LoadBalancerIngress[] } | { problem: string };

/** Another Service and the addresses it has, be it that its status does not show them yet. */
export interface Holder {
  service: Service;
  ips: string[];
}

/** Services whose load balancer is this controller's. */
export function isOurs(s: Service): boolean {
  const c = s.spec.loadBalancerClass;
  return s.spec.type === 'LoadBalancer' && (c === undefined || c === loadBalancerClass);
}

export function ingressIps(s: Service): string[] {
  return (s.status?.loadBalancer?.ingress ?? []).map((i) => i.ip).filter((ip) => ip !== undefined);
}

const nameOf = (s: Service) => `${s.metadata.namespace}/${s.metadata.name}`;
/** kube-proxy takes the traffic on the node itself, also that from inside the cluster. */
const vip = (ip: string): V1LoadBalancerIngress => ({ ip, ipMode: 'VIP' });

/**
 * An address of the pool for each family of the Service: the one it asks for, the one it has, one that it may share,
 * or the first that no other has. A Service that only prefers two families gets those that the pool has.
 */
export function decideFromPool(s: Service, others: Holder[], pool: AddressPool): Decision {
  const families = (s.spec.ipFamilies ?? ['IPv4']) as IpFamily[];
  const wanted = s.spec.ipFamilyPolicy === 'PreferDualStack' ? families.filter((f) => pool.has(f)) : families;
  const asked = askedAddresses(s, families, pool);
  if (!Array.isArray(asked)) return asked;
  const holders = (ip: string) => others.filter((o) => o.ips.includes(ip));
  const isFree = (ip: string) => holders(ip).every((o) => canShare(s, o.service));
  const ips: string[] = [];
  for (const family of wanted) {
    const ask = asked.find((ip) => familyOf(ip) === family);
    if (ask) {
      const other = holders(ask).find((o) => !canShare(s, o.service));
      if (other) return { problem: `requested address ${ask} is in use by Service ${nameOf(other.service)}` };
      ips.push(ask);
      continue;
    }
    const current = ingressIps(s).find((ip) => familyOf(ip) === family && pool.contains(ip) && isFree(ip));
    const shared = () =>
      others
        .filter((o) => canShare(s, o.service))
        .flatMap((o) => o.ips)
        .find((ip) => familyOf(ip) === family && pool.contains(ip) && isFree(ip));
    const ip = current ?? shared() ?? pool.find(family, (candidate) => holders(candidate).length === 0);
    if (ip === undefined) {
      return {
        problem: pool.has(family) ? `no ${family} address is left in the pool` : `the pool has no ${family} addresses`,
      };
    }
    ips.push(ip);
  }
  if (ips.length === 0) return { problem: `the pool has no ${families.join(' or ')} addresses` };
  return { ingress: ips.map(vip) };
}

function askedAddresses(s: Service, families: IpFamily[], pool: AddressPool): string[] | { problem: string } {
  const annotation = s.metadata.annotations?.[addressesAnnotation];
  if (annotation && s.spec.loadBalancerIP) {
    return { problem: `spec.loadBalancerIP and the annotation ${addressesAnnotation} exclude each other` };
  }
  const asked = (annotation ?? s.spec.loadBalancerIP ?? '')
    .split(',')
    .map((ip) => ip.trim())
    .filter(Boolean);
  const seen = new Set<IpFamily>();
  for (const ip of asked) {
    if (isIP(ip) === 0) return { problem: `requested address ${JSON.stringify(ip)} is no IP address` };
    if (!pool.contains(ip)) return { problem: `requested address ${ip} is not in the pool` };
    if (!families.includes(familyOf(ip))) return { problem: `requested address ${ip} is of no family of the Service` };
    if (seen.has(familyOf(ip))) return { problem: `more than one ${familyOf(ip)} address is requested` };
    seen.add(familyOf(ip));
  }
  return asked.map(canonicalIp);
}

/** Ports of the nodes themselves (ssh, etcd, API server, kubelet and the like): a Service must not take them over. */
const nodePorts = new Set([22, 2379, 2380, 6443, 10248, 10249, 10250, 10255, 10256, 10257, 10259]);

/** The addresses of all nodes that may take traffic; each port can be had by one Service only, the one that has it. */
export function decideFromNodes(s: Service, others: Holder[], nodes: Node[]): Decision {
  const own = (s.spec.ports ?? []).find((p) => (p.protocol ?? 'TCP') === 'TCP' && nodePorts.has(p.port));
  if (own) return { problem: `port ${own.port} is used by the nodes themselves` };
  for (const { service, ips } of others) {
    const clash = ips.length > 0 ? clashingPort(s, service) : undefined;
    if (clash) {
      return { problem: `port ${clash.split(' ')[1]} of the nodes' addresses is in use by Service ${nameOf(service)}` };
    }
  }
  const families = new Set<string>(s.spec.ipFamilies ?? ['IPv4']);
  const ips = nodes
    .filter(isUsable)
    .flatMap((n) => (n.status?.addresses ?? []).filter((a) => a.type === 'InternalIP').map((a) => a.address))
    .filter((ip) => families.has(familyOf(ip)))
    .sort();
  return { ingress: ips.map(vip) };
}

/** As Kubernetes' service controller chooses a load balancer's nodes. */
function isUsable(n: Node): boolean {
  return (
    n.metadata.labels?.[excludeLabel] === undefined &&
    !n.spec?.taints?.some((t) => t.key === toBeDeletedTaint) &&
    n.status?.conditions?.find((c) => c.type === 'Ready')?.status === 'True'
  );
}
