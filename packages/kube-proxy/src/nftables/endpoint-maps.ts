import type { RuleOptions } from '../iptables/options.js';
import type { Endpoint } from '../model/types.js';
import { podMatch, words } from './layout.js';
import { addElement, type Destinations, type Part, type PartInput } from './part.js';

/** Maps of all endpoints by destination and number; those of policy Local that pods and the node use are apart. */
export const endpointMaps = [
  'endpoints',
  'endpoints-cluster',
  'nodeport-endpoints',
  'nodeport-endpoints-cluster',
] as const;
export type EndpointMap = (typeof endpointMaps)[number];

/** What the form `maps` needs besides the fixed part. */
export function mapsPart(o: RuleOptions): string[] {
  const { table, ip } = words(o);
  const random = 'numgen random mod 2';
  return [
    ...endpointMaps.map(
      (name) => `add map ${table} ${name} { typeof ${keyOf(o, name)} . ${random} : ${ip} daddr . th dport ; }`,
    ),
    `add set ${table} hairpin { typeof ${ip} saddr . ${ip} daddr ; }`,
    `insert rule ${table} nat-postrouting ct status dnat ${ip} saddr . ${ip} daddr @hairpin masquerade fully-random`,
  ];
}

function keyOf(o: RuleOptions, map: EndpointMap): string {
  const np = 'meta l4proto . th dport';
  return map.startsWith('nodeport') ? np : `${words(o).ip} daddr . ${np}`;
}

/** Shared chains by what they do; made when first needed, one for each number of endpoints. */
export interface PickChain {
  name: string;
  rules: string[];
}

/** Picks one of `n` endpoints from a map by chance. */
export function pickChain(o: RuleOptions, map: EndpointMap, n: number): PickChain {
  const { ip } = words(o);
  return {
    name: `pick-${map}-${n}`,
    rules: [`dnat ${ip} to ${keyOf(o, map)} . numgen random mod ${n} map @${map}`],
  };
}

/**
 * A service port without chains of its own: a change of its endpoints is one of map elements alone, for which the
 * kernel neither writes nor checks rules.
 */
export function addEndpointMaps(part: Part, { port: p, endpoints: e, options: o }: PartInput): Destinations {
  const mark = 'jump mark-for-masquerade';
  /** The chain that picks one of the endpoints, with their entries in the map that it asks. */
  const pick = (key: string, map: EndpointMap, list: Endpoint[]): string => {
    for (const [i, x] of list.entries()) addElement(part, { map, key: `${key} . ${i}`, value: `${x.ip} . ${x.port}` });
    const chain = pickChain(o, map, list.length);
    part.shared.set(chain.name, chain.rules);
    return chain.name;
  };
  const share = (name: string, rules: string[]) => {
    part.shared.set(name, rules);
    return name;
  };
  for (const x of e.reachable) {
    if (x.local) addElement(part, { map: 'hairpin', key: `${x.ip} . ${x.ip}`, value: '' });
  }
  return {
    internal(key) {
      const chain = pick(key, 'endpoints', p.internalPolicyLocal ? e.local : e.cluster);
      const from = o.masqueradeAll ? '' : podMatch(o, '!=');
      const masquerade = from === undefined ? [] : [`${from} ${mark}`.trim()];
      return share(`in-${chain}`, [...masquerade, `goto ${chain}`]);
    },
    external(key, isNodePort) {
      const map = isNodePort ? 'nodeport-endpoints' : 'endpoints';
      if (!p.externalPolicyLocal) {
        const chain = pick(key, map, e.cluster);
        return share(`ext-${chain}`, [mark, `goto ${chain}`]);
      }
      const inside = e.cluster.length > 0 ? pick(key, `${map}-cluster`, e.cluster) : undefined;
      const outside = e.local.length > 0 ? pick(key, map, e.local) : undefined;
      const pods = podMatch(o, '==');
      const rules: string[] = [];
      if (inside && pods) rules.push(`${pods} goto ${inside}`);
      rules.push(`fib saddr type local ${mark}`);
      if (inside) rules.push(`fib saddr type local goto ${inside}`);
      if (outside) rules.push(`goto ${outside}`);
      return share(`local-${outside ?? 'none'}-${inside ?? 'none'}`, rules);
    },
  };
}
