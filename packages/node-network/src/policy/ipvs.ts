import { type Hook, match, type RuleSpec, renderRule, rule, target } from '@kubelab/node-iptables';
import type { IpFamily } from '../address.js';
import { policyChain } from './compile.js';

// kube-proxy's IPVS mode takes packets for Services out of INPUT and sends them on through OUTPUT, with the pod that
// serves as their destination: FORWARD never sees them. What it takes is known by kube-proxy's own sets.

const text = (spec: RuleSpec) => renderRule(rule(spec));

const setName = (name: string, family: IpFamily) => (family === 'ipv6' ? name.replace('KUBE-', 'KUBE-6-') : name);
const addresses = 'KUBE-IPVS-IPS';
const nodePorts = { tcp: 'KUBE-NODE-PORT-TCP', udp: 'KUBE-NODE-PORT-UDP' };
const sctpNodePorts = 'KUBE-NODE-PORT-SCTP-HASH';

/** Makes the sets as kube-proxy does, for it may start later. */
export function serviceSetLines(family: IpFamily): string[] {
  const hash = (name: string, type: string) =>
    `create -exist ${setName(name, family)} ${type} family ${family === 'ipv6' ? 'inet6' : 'inet'} hashsize 1024 maxelem 65536`;
  return [
    hash(addresses, 'hash:ip'),
    hash(sctpNodePorts, 'hash:ip,port'),
    ...Object.values(nodePorts).map((n) => `create -exist ${setName(n, family)} bitmap:port range 0-65535`),
  ];
}

/** In INPUT: what goes to a Service is judged when IPVS has chosen the pod. */
export function serviceRules(family: IpFamily): string[] {
  const toUs = match.addressType('dst-type', 'LOCAL');
  const of = (name: string, directions: string, protocol?: string) =>
    text({
      ...(protocol ? { protocol } : {}),
      comment: 'kubelab: IPVS comes first',
      matches: [toUs, match.set(setName(name, family), directions)],
      target: target.return(),
    });
  return [
    of(addresses, 'dst'),
    ...Object.entries(nodePorts).map(([protocol, name]) => of(name, 'dst', protocol)),
    of(sctpNodePorts, 'dst,dst', 'sctp'),
  ];
}

/** Into the policies from OUTPUT: only IPVS sends there what does not come from this node. */
export const outputHook: Hook = {
  table: 'mangle',
  chain: 'OUTPUT',
  rule: text({
    comment: 'kubelab network policy',
    matches: [match.addressType('src-type', 'LOCAL', true)],
    target: target.jump(policyChain.root),
  }),
};
