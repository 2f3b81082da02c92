import { type Hook, type Match, match, type RuleSpec, renderRule, rule, target } from '@kubelab/node-iptables';
import { podTraffic } from '../iptables/local-traffic.js';
import type { RuleOptions } from '../iptables/options.js';
import type { Protocol } from '../model/types.js';
import { chain, ipsets, kernelSetName, type SetName } from './names.js';

const text = (spec: RuleSpec) => renderRule(rule(spec));

/** Rules by table and chain. */
export type ChainRules = [table: 'nat' | 'filter', chain: string, rules: string[]][];

/** Protocol numbers, as `iptables-save` writes them in a match of ipvs. */
const protocolNumber: Record<Protocol, number> = { tcp: 6, udp: 17, sctp: 132 };

/** Drops what this node sends to a load balancer address whose source ranges do not contain it (k8s #119656). */
export function outFilterRule(ip: string, protocol: Protocol, port: number): string {
  const option = (name: string, value: string | number) => ({ name, values: [String(value)] });
  const ipvs = {
    module: 'ipvs',
    options: [option('vproto', protocolNumber[protocol]), option('vaddr', ip), option('vport', port)],
  };
  return text({ source: ip, matches: [ipvs], target: target.drop() });
}

/** Jumps from built-in chains. Those of one chain stand in this order, before whatever others have there. */
export function hooks(): Hook[] {
  const jump = (table: string, from: Hook['chain'], to: string, comment: string): Hook => ({
    table,
    chain: from,
    rule: text({ comment, target: target.jump(to) }),
  });
  const firewall = 'kube-proxy firewall rules';
  const access = 'kubernetes ipvs access filter';
  return [
    jump('nat', 'PREROUTING', chain.services, 'kubernetes service portals'),
    jump('nat', 'OUTPUT', chain.services, 'kubernetes service portals'),
    jump('nat', 'POSTROUTING', chain.postrouting, 'kubernetes postrouting rules'),
    jump('filter', 'INPUT', chain.filter, access),
    jump('filter', 'INPUT', chain.proxyFirewall, firewall),
    jump('filter', 'INPUT', chain.nodePort, 'kubernetes health check rules'),
    jump('filter', 'FORWARD', chain.proxyFirewall, firewall),
    jump('filter', 'FORWARD', chain.forward, 'kubernetes forwarding rules'),
    jump('filter', 'OUTPUT', chain.outFilter, access),
  ];
}

/**
 * All rules of the mode. There is a fixed number of them, whatever the number of Services: those match by sets. Rules
 * of the nat table whose set (by `isFilled`) is empty are left out, as kube-proxy does.
 */
export function ipvsRules(o: RuleOptions, isFilled: (set: SetName) => boolean, outFilter: string[]): ChainRules {
  const inSet = (set: SetName, directions: string) => match.set(kernelSetName(set, o.family), directions);
  /** One rule with the set's comment, if the set has members. */
  const bySet = (set: SetName, directions: string, spec: RuleSpec, more: Match[] = []): string[] =>
    isFilled(set) ? [text({ ...spec, comment: ipsets[set].comment, matches: [inSet(set, directions), ...more] })] : [];
  const toMark = { target: target.jump(chain.markMasq) };
  const back = { target: target.return() };
  const accept = { target: target.accept() };
  const mark = `${o.masqueradeMark}/${o.masqueradeMark}`;

  // What comes from outside, and what goes to an address of this node: the others' packets are left to the network.
  const notBridged: Match = { module: 'physdev', options: [{ name: 'physdev-is-in', values: [], not: true }] };
  const external = (set: SetName) => [
    ...bySet(set, 'dst,dst', accept, [notBridged, match.addressType('src-type', 'LOCAL', true)]),
    ...bySet(set, 'dst,dst', accept, [match.addressType('dst-type', 'LOCAL')]),
  ];
  const services = [
    text({ source: o.family === 'ipv6' ? '::1/128' : '127.0.0.0/8', ...back }),
    ...bySet('KUBE-LOAD-BALANCER', 'dst,dst', { target: target.jump(chain.loadBalancer) }),
    ...masqueradeClusterIp(o, bySet, toMark),
    ...bySet('KUBE-EXTERNAL-IP', 'dst,dst', toMark),
    ...external('KUBE-EXTERNAL-IP'),
    ...external('KUBE-EXTERNAL-IP-LOCAL'),
    text({ matches: [match.addressType('dst-type', 'LOCAL')], target: target.jump(chain.nodePort) }),
    // Last: others' rules behind ours must not divert what IPVS is to take.
    ...(['KUBE-CLUSTER-IP', 'KUBE-LOAD-BALANCER'] as const)
      .filter(isFilled)
      .map((set) => text({ matches: [inSet(set, 'dst,dst')], ...accept })),
  ];
  const nodePorts = (['tcp', 'udp', 'sctp'] as const).flatMap((protocol) => {
    const suffix = protocol === 'sctp' ? 'SCTP-HASH' : protocol === 'tcp' ? 'TCP' : 'UDP';
    const directions = protocol === 'sctp' ? 'dst,dst' : 'dst';
    return [
      ...bySet(`KUBE-NODE-PORT-LOCAL-${suffix}`, directions, { protocol, ...back }),
      ...bySet(`KUBE-NODE-PORT-${suffix}`, directions, { protocol, ...toMark }),
    ];
  });
  const known = (set: SetName, directions: string) => text({ matches: [inSet(set, directions)], ...back });
  return [
    ['nat', chain.markMasq, [text({ target: target.orMark(o.masqueradeMark) })]],
    ['nat', chain.services, services],
    ['nat', chain.nodePort, nodePorts],
    ['nat', chain.loadBalancer, [...bySet('KUBE-LOAD-BALANCER-LOCAL', 'dst,dst', back), text(toMark)]],
    [
      'nat',
      chain.postrouting,
      [
        ...bySet('KUBE-LOOP-BACK', 'dst,dst,src', { target: target.masquerade() }),
        text({ matches: [match.mark(mark, true)], ...back }),
        // The mark is cleared: a packet that comes through again must not be masqueraded twice.
        text({ target: target.xorMark(o.masqueradeMark) }),
        text({
          comment: 'kubernetes service traffic requiring SNAT',
          target: target.masquerade(o.masqueradeRandomFully),
        }),
      ],
    ],
    [
      'filter',
      chain.proxyFirewall,
      bySet('KUBE-LOAD-BALANCER-FW', 'dst,dst', { target: target.jump(chain.sourceRanges) }),
    ],
    [
      'filter',
      chain.sourceRanges,
      [
        ...bySet('KUBE-LOAD-BALANCER-SOURCE-CIDR', 'dst,dst,src', back),
        ...bySet('KUBE-LOAD-BALANCER-SOURCE-IP', 'dst,dst,src', back),
        text({ target: target.drop() }),
      ],
    ],
    [
      'filter',
      chain.forward,
      [
        text({ comment: 'kubernetes forwarding rules', matches: [match.mark(mark)], ...accept }),
        text({
          comment: 'kubernetes forwarding conntrack rule',
          matches: [match.connectionState('RELATED', 'ESTABLISHED')],
          ...accept,
        }),
      ],
    ],
    [
      'filter',
      chain.nodePort,
      [
        text({
          comment: ipsets['KUBE-HEALTH-CHECK-NODE-PORT'].comment,
          matches: [inSet('KUBE-HEALTH-CHECK-NODE-PORT', 'dst')],
          ...accept,
        }),
      ],
    ],
    // This machine's own ports must not be reachable by addresses of Services (k8s #72236).
    [
      'filter',
      chain.filter,
      [
        known('KUBE-LOAD-BALANCER', 'dst,dst'),
        known('KUBE-CLUSTER-IP', 'dst,dst'),
        known('KUBE-EXTERNAL-IP', 'dst,dst'),
        known('KUBE-EXTERNAL-IP-LOCAL', 'dst,dst'),
        known('KUBE-HEALTH-CHECK-NODE-PORT', 'dst'),
        text({ matches: [match.connectionState('NEW'), inSet('KUBE-IPVS-IPS', 'dst')], target: target.reject() }),
      ],
    ],
    ['filter', chain.outFilter, outFilter],
  ];
}

/**
 * Traffic to cluster IPs from outside the pod network is masqueraded, so that the answers come back through here. This
 * node's own has such an address as its source, since kube-ipvs0 has it, and is masqueraded in any case.
 */
function masqueradeClusterIp(
  o: RuleOptions,
  bySet: (set: SetName, directions: string, spec: RuleSpec) => string[],
  toMark: RuleSpec,
): string[] {
  if (o.masqueradeAll) return bySet('KUBE-CLUSTER-IP', 'dst,dst', toMark);
  const others = podTraffic(o, false);
  if (others) return bySet('KUBE-CLUSTER-IP', 'dst,dst', { ...others, ...toMark });
  return bySet('KUBE-CLUSTER-IP', 'src,dst', toMark);
}
