import type { RuleOptions } from '../iptables/options.js';

/** The table, one a family, that holds everything of this mode: kube-proxy's, so that either takes over from the other. */
export const tableName = 'kube-proxy';

/** Maps and sets by what they are keyed by. `vip` is `address . protocol . port`, `np` is `protocol . port`. */
export type MapName =
  | 'service-ips'
  | 'service-nodeports'
  | 'endpoints'
  | 'endpoints-cluster'
  | 'nodeport-endpoints'
  | 'nodeport-endpoints-cluster'
  | 'no-endpoint-services'
  | 'no-endpoint-nodeports'
  | 'firewall-ips'
  | 'cluster-ips'
  | 'hairpin';

/** Words that differ between the families. */
export function words(o: Pick<RuleOptions, 'family'>): { table: string; ip: 'ip' | 'ip6' } {
  const ip = o.family === 'ipv4' ? 'ip' : 'ip6';
  return { table: `${ip} ${tableName}`, ip };
}

/** Matches what comes from this node's pods (`==`) or not (`!=`); undefined if nothing tells them apart. */
export function podMatch(o: RuleOptions, is: '==' | '!='): string | undefined {
  if (o.localInterface !== undefined) return `iifname ${is} "${o.localInterface.replace(/\+$/, '*')}"`;
  return o.clusterCidr === undefined ? undefined : `${words(o).ip} saddr ${is} ${o.clusterCidr}`;
}

/**
 * The fixed part: maps, hooks and chains that do not depend on Services. A packet to a Service costs one lookup in
 * `service-ips` (or `service-nodeports`) and one in `endpoints`, however many Services there are.
 */
export function fixedPart(o: RuleOptions): string[] {
  const { table, ip } = words(o);
  const vip = `${ip} daddr . meta l4proto . th dport`;
  const np = 'meta l4proto . th dport';
  const to = `${ip} daddr . th dport`;
  const random = 'numgen random mod 2';
  const mark = o.masqueradeMark;
  const local = o.nodePortAddresses
    ? `${ip} daddr { ${o.nodePortAddresses.join(', ') || (ip === 'ip' ? '127.255.255.255' : '::')} }`
    : `fib daddr type local ${ip} daddr != ${ip === 'ip' ? '127.0.0.0/8' : '::1'}`;
  return [
    `add map ${table} service-ips { type ${ip === 'ip' ? 'ipv4_addr' : 'ipv6_addr'} . inet_proto . inet_service : verdict ; }`,
    `add map ${table} service-nodeports { type inet_proto . inet_service : verdict ; }`,
    `add map ${table} endpoints { typeof ${vip} . ${random} : ${to} ; }`,
    `add map ${table} endpoints-cluster { typeof ${vip} . ${random} : ${to} ; }`,
    `add map ${table} nodeport-endpoints { typeof ${np} . ${random} : ${to} ; }`,
    `add map ${table} nodeport-endpoints-cluster { typeof ${np} . ${random} : ${to} ; }`,
    `add map ${table} no-endpoint-services { type ${ip === 'ip' ? 'ipv4_addr' : 'ipv6_addr'} . inet_proto . inet_service : verdict ; }`,
    `add map ${table} no-endpoint-nodeports { type inet_proto . inet_service : verdict ; }`,
    `add map ${table} firewall-ips { type ${ip === 'ip' ? 'ipv4_addr' : 'ipv6_addr'} . inet_proto . inet_service : verdict ; }`,
    `add set ${table} cluster-ips { type ${ip === 'ip' ? 'ipv4_addr' : 'ipv6_addr'} ; }`,
    `add set ${table} hairpin { typeof ${ip} saddr . ${ip} daddr ; }`,
    ...[
      'mark-for-masquerade',
      'reject-chain',
      'services',
      'endpoints-check',
      'cluster-ips-check',
      'firewall-check',
    ].map((c) => `add chain ${table} ${c}`),
    `add rule ${table} mark-for-masquerade meta mark set meta mark or ${mark}`,
    `add rule ${table} reject-chain reject`,
    `add rule ${table} services ${vip} vmap @service-ips`,
    `add rule ${table} services ${local} ${np} vmap @service-nodeports`,
    `add rule ${table} endpoints-check ${vip} vmap @no-endpoint-services`,
    `add rule ${table} endpoints-check ${local} ${np} vmap @no-endpoint-nodeports`,
    `add rule ${table} firewall-check ${vip} vmap @firewall-ips`,
    // What was not rewritten: a port that the Service does not have.
    `add rule ${table} cluster-ips-check ${ip} daddr @cluster-ips reject`,
    `add chain ${table} nat-prerouting { type nat hook prerouting priority -100 ; }`,
    `add chain ${table} nat-output { type nat hook output priority -100 ; }`,
    `add chain ${table} nat-postrouting { type nat hook postrouting priority 100 ; }`,
    // Before the DNAT, where load balancer addresses are still to be seen.
    `add chain ${table} filter-prerouting { type filter hook prerouting priority -110 ; }`,
    `add chain ${table} filter-output-pre { type filter hook output priority -110 ; }`,
    ...['input', 'forward', 'output'].map(
      (h) => `add chain ${table} filter-${h} { type filter hook ${h} priority -1 ; }`,
    ),
    `add rule ${table} nat-prerouting jump services`,
    `add rule ${table} nat-output jump services`,
    `add rule ${table} filter-prerouting ct state new jump firewall-check`,
    `add rule ${table} filter-output-pre ct state new jump firewall-check`,
    ...['input', 'forward', 'output'].map((h) => `add rule ${table} filter-${h} ct state new jump endpoints-check`),
    ...['forward', 'output'].map((h) => `add rule ${table} filter-${h} ct state new jump cluster-ips-check`),
    `add rule ${table} nat-postrouting ct status dnat ${ip} saddr . ${ip} daddr @hairpin masquerade fully-random`,
    `add rule ${table} nat-postrouting meta mark and ${mark} == ${mark} meta mark set meta mark xor ${mark} masquerade fully-random`,
  ];
}

/** Shared chains by what they do; made when first needed, one for each number of endpoints. */
export interface PickChain {
  name: string;
  rules: string[];
}

/** Picks one of `n` endpoints from a map by chance. */
export function pickChain(o: RuleOptions, map: MapName, n: number): PickChain {
  const { ip } = words(o);
  const key = map.startsWith('nodeport') ? 'meta l4proto . th dport' : `${ip} daddr . meta l4proto . th dport`;
  return { name: `pick-${map}-${n}`, rules: [`dnat ${ip} to ${key} . numgen random mod ${n} map @${map}`] };
}
