import type { RuleOptions } from '../iptables/options.js';
import { isLoopback } from '../model/address.js';
import { addElement, emptyPart, type Part } from './part.js';

/** The table, one a family, that holds everything of this mode: kube-proxy's, so that either takes over from the other. */
export const tableName = 'kube-proxy';

/** Words that differ between the families. */
export function words(o: Pick<RuleOptions, 'family'>): { table: string; ip: 'ip' | 'ip6'; type: string } {
  const ip = o.family === 'ipv4' ? 'ip' : 'ip6';
  return { table: `${ip} ${tableName}`, ip, type: ip === 'ip' ? 'ipv4_addr' : 'ipv6_addr' };
}

/** Matches what comes from this node's pods (`==`) or not (`!=`); undefined if nothing tells them apart. */
export function podMatch(o: RuleOptions, is: '==' | '!='): string | undefined {
  const not = is === '!=' ? '!= ' : '';
  if (o.localInterface !== undefined) return `iifname ${not}"${o.localInterface.replace(/\+$/, '*')}"`;
  return o.clusterCidr === undefined ? undefined : `${words(o).ip} saddr ${not}${o.clusterCidr}`;
}

/**
 * Chains that the kernel enters: name, type, hook, priority. What a load balancer's source ranges refuse is dropped
 * before the DNAT; what has no endpoints is refused after it, when all that has any was rewritten.
 */
const baseChains = [
  ['filter-prerouting-pre-dnat', 'filter', 'prerouting', -110],
  ['filter-output-pre-dnat', 'filter', 'output', -110],
  ['filter-input', 'filter', 'input', 0],
  ['filter-forward', 'filter', 'forward', 0],
  ['filter-output', 'filter', 'output', 0],
  ['nat-prerouting', 'nat', 'prerouting', -100],
  ['nat-output', 'nat', 'output', -100],
  ['nat-postrouting', 'nat', 'postrouting', 100],
] as const;

/** Where they lead, in this order. */
const jumps = [
  ['filter-input', 'ct state new', 'nodeport-endpoints-check'],
  ['filter-input', 'ct state new', 'service-endpoints-check'],
  ['filter-forward', 'ct state new', 'service-endpoints-check'],
  ['filter-forward', 'ct state new', 'cluster-ips-check'],
  ['filter-output', 'ct state new', 'service-endpoints-check'],
  ['filter-output', 'ct state new', 'cluster-ips-check'],
  ['filter-prerouting-pre-dnat', 'ct state new', 'firewall-check'],
  ['filter-output-pre-dnat', 'ct state new', 'firewall-check'],
  ['nat-output', '', 'services'],
  ['nat-prerouting', '', 'services'],
  ['nat-postrouting', '', 'masquerading'],
] as const;

/** A table that has nothing yet gets its maps, hooks and chains: all that does not change while the process runs. */
export function fixedPart(o: RuleOptions): string[] {
  const { table, ip, type } = words(o);
  const mark = o.masqueradeMark;
  const vip = `${ip} daddr . meta l4proto . th dport`;
  const np = 'meta l4proto . th dport';
  const notLoopback = `${ip} daddr != ${ip === 'ip' ? '127.0.0.0/8' : '::1'}`;
  const isOnAll = o.nodePortAddresses === undefined;
  const map = (name: string, key: string, comment: string) =>
    `add map ${table} ${name} { type ${key} : verdict ; comment "${comment}" ; }`;
  const set = (name: string, comment: string) => `add set ${table} ${name} { type ${type} ; comment "${comment}" ; }`;
  const rule = (chain: string, text: string) => `add rule ${table} ${chain} ${text}`;
  const plainChains = [...new Set(jumps.map(([, , to]) => to)), 'mark-for-masquerade'];
  return [
    `add table ${table} { comment "rules for kube-proxy" ; }`,
    ...baseChains.map(
      ([name, kind, hook, priority]) =>
        `add chain ${table} ${name} { type ${kind} hook ${hook} priority ${priority} ; }`,
    ),
    ...plainChains.map((name) => `add chain ${table} ${name}`),
    `add chain ${table} reject-chain { comment "helper for @no-endpoint-services / @no-endpoint-nodeports" ; }`,
    set('cluster-ips', 'Active ClusterIPs'),
    ...(isOnAll ? [] : [set('nodeport-ips', 'IPs that accept NodePort traffic')]),
    map(
      'no-endpoint-services',
      `${type} . inet_proto . inet_service`,
      'vmap to drop or reject packets to services with no endpoints',
    ),
    map(
      'no-endpoint-nodeports',
      'inet_proto . inet_service',
      'vmap to drop or reject packets to service nodeports with no endpoints',
    ),
    map(
      'firewall-ips',
      `${type} . inet_proto . inet_service`,
      'destinations that are subject to LoadBalancerSourceRanges',
    ),
    map('service-ips', `${type} . inet_proto . inet_service`, 'ClusterIP, ExternalIP and LoadBalancer IP traffic'),
    map('service-nodeports', 'inet_proto . inet_service', 'NodePort traffic'),
    ...jumps.map(([from, condition, to]) => rule(from, `${condition} jump ${to}`.trim())),
    rule('mark-for-masquerade', `mark set mark or ${mark}`),
    rule('masquerading', `mark and ${mark} == 0 return`),
    rule('masquerading', `mark set mark xor ${mark}`),
    rule('masquerading', 'masquerade fully-random'),
    rule('reject-chain', 'reject'),
    rule('service-endpoints-check', `${vip} vmap @no-endpoint-services`),
    rule(
      'nodeport-endpoints-check',
      `${isOnAll ? notLoopback : `${ip} daddr @nodeport-ips`} ${np} vmap @no-endpoint-nodeports`,
    ),
    rule('firewall-check', `${vip} vmap @firewall-ips`),
    rule('services', `${vip} vmap @service-ips`),
    rule(
      'services',
      `${isOnAll ? `fib daddr type local ${notLoopback}` : `${ip} daddr @nodeport-ips`} ${np} vmap @service-nodeports`,
    ),
  ];
}

/** What is of no Service and changes while the process runs: the node's addresses, and the ranges of cluster IPs. */
export function nodePart(o: RuleOptions, serviceCidrs: readonly string[]): Part {
  const { ip } = words(o);
  const part = emptyPart();
  for (const address of o.nodePortAddresses ?? []) {
    // As in kube-proxy, node ports on localhost are of the iptables mode alone.
    if (!isLoopback(address)) addElement(part, { map: 'nodeport-ips', key: address, value: '' });
  }
  // What comes here was not rewritten: it is for a port that the Service lacks, or for an address that none has.
  const check = [`${ip} daddr @cluster-ips reject comment "Reject traffic to invalid ports of ClusterIPs"`];
  if (serviceCidrs.length > 0) {
    const ranges = serviceCidrs.join(', ');
    check.push(`${ip} daddr { ${ranges} } drop comment "Drop traffic to unallocated ClusterIPs"`);
  }
  part.chains.set('cluster-ips-check', check);
  return part;
}
