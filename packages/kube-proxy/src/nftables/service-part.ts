import type { RuleOptions } from '../iptables/options.js';
import { cidrContains } from '../model/address.js';
import { isExternallyAccessible, type ServicePort } from '../model/types.js';
import { addEndpointChains } from './endpoint-chains.js';
import { addEndpointMaps } from './endpoint-maps.js';
import { words } from './layout.js';
import { servicePortChains } from './names.js';
import { addElement, emptyPart, type Form, type Part, type PartInput } from './part.js';

/** Computes what a service port puts into the table; the same input always gives the same. */
export function servicePart(input: PartInput, form: Form): Part {
  const { port: p, endpoints: e, options: o } = input;
  const part = emptyPart();
  // The memory of session affinity hangs on an endpoint's chain.
  const usesMaps = form === 'maps' && p.affinitySeconds === undefined;
  const to = usesMaps ? addEndpointMaps(part, input) : addEndpointChains(part, input);

  const vip = (ip: string) => `${ip} . ${p.protocol} . ${p.port}`;
  const refuse = (map: string, key: string) =>
    addElement(part, { map, key, value: e.hasAny ? 'drop' : 'goto reject-chain', comment: p.displayName });
  addElement(part, { map: 'cluster-ips', key: p.clusterIP, value: '' });
  const inside = vip(p.clusterIP);
  const hasInternal = (p.internalPolicyLocal ? e.local : e.cluster).length > 0;
  if (hasInternal) addElement(part, { map: 'service-ips', key: inside, value: `goto ${to.internal(inside)}` });
  else refuse('no-endpoint-services', inside);

  if (!isExternallyAccessible(p)) return part;
  // With policy Local and endpoints elsewhere alone, pods and the node are led there; what is left is dropped.
  const hasExternal = p.externalPolicyLocal ? e.local.length > 0 : e.hasAny;
  for (const key of [...p.externalIPs, ...p.loadBalancerVIPs].map(vip)) {
    if (e.hasAny) addElement(part, { map: 'service-ips', key, value: `goto ${to.external(key, false)}` });
    if (!hasExternal) refuse('no-endpoint-services', key);
  }
  if (p.nodePort !== 0) {
    const key = `${p.protocol} . ${p.nodePort}`;
    if (e.hasAny) addElement(part, { map: 'service-nodeports', key, value: `goto ${to.external(key, true)}` });
    if (!hasExternal) refuse('no-endpoint-nodeports', key);
  }
  if (p.loadBalancerVIPs.length > 0 && p.sourceRanges.length > 0) {
    const { firewall } = servicePortChains(p);
    part.chains.set(firewall, [`${words(o).ip} saddr != { ${allowedSources(p, o).join(', ')} } drop`]);
    for (const ip of p.loadBalancerVIPs)
      addElement(part, { map: 'firewall-ips', key: vip(ip), value: `goto ${firewall}` });
  }
  return part;
}

/**
 * The source ranges, and the load balancer's addresses themselves if this node is in a range: where they are local
 * addresses, the node's own requests to them have them as source.
 */
function allowedSources(p: ServicePort, o: RuleOptions): string[] {
  const { nodeIP } = o;
  const includesNode = nodeIP !== undefined && p.sourceRanges.some((r) => cidrContains(r, nodeIP));
  return [...p.sourceRanges, ...(includesNode ? p.loadBalancerVIPs : [])];
}
