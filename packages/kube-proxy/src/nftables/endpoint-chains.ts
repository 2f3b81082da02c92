import { type Endpoint, isExternallyAccessible } from '../model/types.js';
import { podMatch, words } from './layout.js';
import { endpointNames, servicePortChains } from './names.js';
import type { Destinations, Part, PartInput } from './part.js';

/** kube-proxy's way to the endpoints: chains of the service port, one of which leads to the chain of an endpoint. */
export function addEndpointChains(part: Part, { port: p, endpoints: e, options: o }: PartInput): Destinations {
  const { ip } = words(o);
  const names = servicePortChains(p);
  const internal = p.internalPolicyLocal ? names.local : names.service;
  const mark = 'jump mark-for-masquerade';

  /** One of the endpoints by chance, or the one that the client was with before. */
  const pick = (endpoints: Endpoint[]): string[] => {
    const all = endpoints.map((x) => endpointNames(p, x));
    const sticky = p.affinitySeconds === undefined ? [] : all;
    return [
      ...sticky.map((n) => `${ip} saddr @${n.clients} goto ${n.chain}`),
      `numgen random mod ${all.length} vmap { ${all.map((n, i) => `${i} : goto ${n.chain}`).join(' , ')} }`,
    ];
  };
  /** To the cluster IP from outside of the pod network: the answer must come back by this node. */
  const masqueradeInternal = (): string[] => {
    const from = o.masqueradeAll ? '' : podMatch(o, '!=');
    return from === undefined ? [] : [[`${ip} daddr ${p.clusterIP}`, from, mark].filter((w) => w !== '').join(' ')];
  };
  const policyChain = (name: string, endpoints: Endpoint[]) => {
    if (endpoints.length === 0) return;
    part.chains.set(name, [...(name === internal ? masqueradeInternal() : []), ...pick(endpoints)]);
  };
  policyChain(names.service, e.cluster);
  policyChain(names.local, e.local);

  if (e.hasAny && isExternallyAccessible(p)) {
    const rules: string[] = [];
    if (p.externalPolicyLocal) {
      const pods = podMatch(o, '==');
      if (pods) rules.push(`${pods} goto ${names.service} comment "short-circuit pod traffic"`);
      rules.push(`fib saddr type local ${mark} comment "masquerade local traffic"`);
      rules.push(`fib saddr type local goto ${names.service} comment "short-circuit local traffic"`);
      if (e.local.length > 0) rules.push(`goto ${names.local}`);
    } else rules.push(mark, `goto ${names.service}`);
    part.chains.set(names.external, rules);
  }

  for (const x of e.reachable) {
    const { chain, clients } = endpointNames(p, x);
    // What comes from the endpoint itself would be answered past this node.
    const rules = [`${ip} saddr ${x.ip} ${mark}`];
    if (p.affinitySeconds !== undefined) {
      part.clientSets.set(clients, p.affinitySeconds);
      rules.push(`update @${clients} { ${ip} saddr }`);
    }
    rules.push(`meta l4proto ${p.protocol} dnat to ${x.address}`);
    part.chains.set(chain, rules);
  }
  return { internal: () => internal, external: () => names.external };
}
