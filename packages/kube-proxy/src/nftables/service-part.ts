import { endpointChain, serviceChains } from '../iptables/names.js';
import type { RuleOptions } from '../iptables/options.js';
import { cidrContains } from '../model/address.js';
import type { CategorizedEndpoints } from '../model/categorize.js';
import { type Endpoint, isExternallyAccessible, type ServicePort } from '../model/types.js';
import { type MapName, pickChain, podMatch, words } from './layout.js';

/** What one service port puts into the table. */
export interface ServicePart {
  /** `MAP KEY` to value ('' in sets). */
  elements: Map<string, { map: MapName; key: string; value: string }>;
  /** Chains of its own: firewall, and all of a Service with session affinity. */
  chains: Map<string, string[]>;
  /** Chains shared with others, by their number of endpoints. */
  shared: Map<string, string[]>;
  /** Sets of clients of an endpoint, for session affinity: name to timeout in seconds. */
  clientSets: Map<string, number>;
}

/** Computes what a service port puts into the table; the same input always gives the same. */
export function servicePart(p: ServicePort, e: CategorizedEndpoints, o: RuleOptions): ServicePart {
  return new Builder(p, e, o).build();
}

class Builder {
  private readonly part: ServicePart = {
    elements: new Map(),
    chains: new Map(),
    shared: new Map(),
    clientSets: new Map(),
  };
  private readonly id: string;
  private readonly ip: 'ip' | 'ip6';

  constructor(
    private readonly p: ServicePort,
    private readonly e: CategorizedEndpoints,
    private readonly o: RuleOptions,
  ) {
    this.id = serviceChains(p.displayName, p.protocol).svc.slice('KUBE-SVC-'.length);
    this.ip = words(o).ip;
  }

  build(): ServicePart {
    const { p, e } = this;
    const vip = (ip: string) => `${ip} . ${p.protocol} . ${p.port}`;
    const np = `${p.protocol} . ${p.nodePort}`;
    const refusal = e.hasAny ? 'drop' : 'goto reject-chain';
    const internal = p.internalPolicyLocal ? e.local : e.cluster;
    this.add('cluster-ips', p.clusterIP, '');
    if (internal.length > 0)
      this.add('service-ips', vip(p.clusterIP), `goto ${this.internal(vip(p.clusterIP), internal)}`);
    else this.add('no-endpoint-services', vip(p.clusterIP), refusal);

    const usesFirewall = p.loadBalancerVIPs.length > 0 && p.sourceRanges.length > 0;
    for (const ip of [...p.externalIPs, ...p.loadBalancerVIPs]) {
      if (e.hasAny) this.add('service-ips', vip(ip), `goto ${this.external(vip(ip), 'endpoints')}`);
      else this.add('no-endpoint-services', vip(ip), refusal);
    }
    if (usesFirewall) for (const ip of p.loadBalancerVIPs) this.add('firewall-ips', vip(ip), `goto ${this.firewall()}`);
    if (p.nodePort !== 0) {
      if (e.hasAny) this.add('service-nodeports', np, `goto ${this.external(np, 'nodeport-endpoints')}`);
      else this.add('no-endpoint-nodeports', np, refusal);
    }
    if (e.hasAny && (internal.length > 0 || isExternallyAccessible(p))) {
      for (const x of e.reachable.filter((y) => y.local)) this.add('hairpin', `${x.ip} . ${x.ip}`, '');
    }
    return this.part;
  }

  /** Traffic to the cluster IP; from outside of the pod network it is masqueraded. */
  private internal(key: string, list: Endpoint[]): string {
    const pick = this.pick(key, 'endpoints', list);
    const mark = 'jump mark-for-masquerade';
    const masquerade = this.o.masqueradeAll
      ? [mark]
      : [podMatch(this.o, '!=')].filter((m) => m !== undefined).map((m) => `${m} ${mark}`);
    return this.wrap(`in-${pick}`, [...masquerade, `goto ${pick}`]);
  }

  /** Traffic to external destinations, as in KUBE-EXT: see iptables/service-rules.ts. */
  private external(key: string, map: 'endpoints' | 'nodeport-endpoints'): string {
    const { cluster, local } = this.e;
    if (!this.p.externalPolicyLocal) {
      const pick = this.pick(key, map, cluster);
      return this.wrap(`ext-${pick}`, ['jump mark-for-masquerade', `goto ${pick}`]);
    }
    const inside = cluster.length > 0 ? this.pick(key, `${map}-cluster`, cluster) : undefined;
    const outside = local.length > 0 ? this.pick(key, map, local) : undefined;
    const rules: string[] = [];
    const pods = podMatch(this.o, '==');
    if (inside && pods) rules.push(`${pods} goto ${inside}`);
    rules.push('fib saddr type local jump mark-for-masquerade');
    if (inside) rules.push(`fib saddr type local goto ${inside}`);
    rules.push(outside ? `goto ${outside}` : 'drop');
    return this.wrap(`local-${outside ?? 'none'}-${inside ?? 'none'}`, rules);
  }

  /** The chain that picks one of the endpoints, with their entries in the map that it asks. */
  private pick(
    key: string,
    map: 'endpoints' | 'endpoints-cluster' | 'nodeport-endpoints' | 'nodeport-endpoints-cluster',
    list: Endpoint[],
  ): string {
    if (this.p.affinitySeconds !== undefined) return this.sticky(map.includes('cluster') ? this.e.cluster : list);
    for (const [i, x] of list.entries()) this.add(map, `${key} . ${i}`, `${x.ip} . ${x.port}`);
    const chain = pickChain(this.o, map, list.length);
    this.part.shared.set(chain.name, chain.rules);
    return chain.name;
  }

  /** With session affinity a Service has chains of its own: a client goes where its address is remembered. */
  private sticky(list: Endpoint[]): string {
    const seconds = this.p.affinitySeconds ?? 0;
    const chainOf = (x: Endpoint) =>
      `endpoint-${endpointChain(this.p.displayName, this.p.protocol, x.address).slice(-16)}`;
    for (const x of list) {
      const clients = `clients-${chainOf(x)}`;
      this.part.clientSets.set(clients, seconds);
      this.part.chains.set(chainOf(x), [
        `update @${clients} { ${this.ip} saddr timeout ${seconds}s }`,
        `meta l4proto ${this.p.protocol} dnat ${this.ip} to ${x.address}`,
      ]);
    }
    const isLocal = list.length === this.e.local.length && list.every((x) => x.local) && list !== this.e.cluster;
    const name = `sticky-${isLocal ? 'local' : 'cluster'}-${this.id}`;
    const slots = list.map((x, i) => `${i} : goto ${chainOf(x)}`).join(', ');
    this.part.chains.set(name, [
      ...list.map((x) => `${this.ip} saddr @clients-${chainOf(x)} goto ${chainOf(x)}`),
      `numgen random mod ${list.length} vmap { ${slots} }`,
    ]);
    return name;
  }

  /** Drops what is outside of the source ranges. */
  private firewall(): string {
    const name = `firewall-${this.id}`;
    const ranges = [...this.p.sourceRanges];
    if (this.o.nodeIP && ranges.some((r) => cidrContains(r, this.o.nodeIP ?? '')))
      ranges.push(...this.p.loadBalancerVIPs);
    this.part.chains.set(name, [...ranges.map((r) => `${this.ip} saddr ${r} return`), 'drop']);
    return name;
  }

  /** A chain around others; shared if all it leads to is. */
  private wrap(name: string, rules: string[]): string {
    const isOwn = this.p.affinitySeconds !== undefined;
    (isOwn ? this.part.chains : this.part.shared).set(name, rules);
    return name;
  }

  private add(map: MapName, key: string, value: string): void {
    const id = `${map} ${key}`;
    if (!this.part.elements.has(id)) this.part.elements.set(id, { map, key, value });
  }
}
