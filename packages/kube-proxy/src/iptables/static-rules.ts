import { type Hook, match, not, type Restorer, type RuleSpec, renderRule, rule, target } from '@kubelab/node-iptables';
import { isLoopback } from '../model/address.js';
import { chain } from './names.js';
import type { RuleOptions } from './options.js';

const text = (spec: RuleSpec) => renderRule(rule(spec));

/** Jumps from built-in chains. Those of one chain stand in this order, before whatever others have there. */
export function hooks(): Hook[] {
  const isNew = [match.connectionState('NEW')];
  const jump = (
    table: string,
    from: Hook['chain'],
    to: string,
    comment?: string,
    matches: RuleSpec['matches'] = [],
  ): Hook => ({
    table,
    chain: from,
    rule: text({
      matches: comment === undefined ? matches : [...matches, match.comment(comment)],
      target: target.jump(to),
    }),
  });
  const lb = 'kubernetes load balancer firewall';
  const portals = 'kubernetes service portals';
  const external = 'kubernetes externally-visible service portals';
  const list = [
    // The kubelet makes these two as well; they stand before the others.
    jump('filter', 'INPUT', chain.firewall),
    jump('filter', 'OUTPUT', chain.firewall),
    jump('filter', 'INPUT', chain.proxyFirewall, lb, isNew),
    jump('filter', 'INPUT', chain.nodePorts, 'kubernetes health check service ports'),
    jump('filter', 'INPUT', chain.externalServices, external, isNew),
    jump('filter', 'FORWARD', chain.proxyFirewall, lb, isNew),
    jump('filter', 'FORWARD', chain.forward, 'kubernetes forwarding rules'),
    jump('filter', 'FORWARD', chain.services, portals, isNew),
    jump('filter', 'FORWARD', chain.externalServices, external, isNew),
    jump('filter', 'OUTPUT', chain.proxyFirewall, lb, isNew),
    jump('filter', 'OUTPUT', chain.services, portals, isNew),
    jump('nat', 'PREROUTING', chain.services, portals),
    jump('nat', 'OUTPUT', chain.services, portals),
    jump('nat', 'POSTROUTING', chain.postrouting, 'kubernetes postrouting rules'),
  ];
  return list;
}

/** route_localnet lets martian packets for 127.0.0.0/8 in from the link (CVE-2020-8558): this chain drops them. */
const usesFirewall = (o: RuleOptions) => o.family === 'ipv4' && o.localhostNodePorts;

/** Sets the chains that do not depend on Services, and makes the bags into which services put their entries. */
export function setStaticRules(r: Restorer, o: RuleOptions): void {
  const mark = `${o.masqueradeMark}/${o.masqueradeMark}`;
  r.setChain('nat', chain.markMasq, [text({ target: target.orMark(o.masqueradeMark) })]);
  r.setChain('nat', chain.postrouting, [
    text({ matches: [match.mark(mark, true)], target: target.return() }),
    // The mark is cleared: a packet that comes through again (IPsec, a second stack) must not be masqueraded twice.
    text({ target: target.xorMark(o.masqueradeMark) }),
    text({ comment: 'kubernetes service traffic requiring SNAT', target: target.masquerade(o.masqueradeRandomFully) }),
  ]);
  r.setBag('nat', chain.nodePorts);
  setNodePortAddresses(r, o, o.nodePortAddresses);
  r.setBag('filter', chain.services);
  r.setBag('filter', chain.externalServices);
  r.setBag('filter', chain.nodePorts);
  r.setBag('filter', chain.proxyFirewall);
  r.setChain('filter', chain.forward, [
    // Packets conntrack can't place (out of window) would leave un-NATed and reset the connection (k8s #74839).
    ...(o.keepInvalid ? [] : [text({ matches: [match.connectionState('INVALID')], target: target.drop() })]),
    text({ comment: 'kubernetes forwarding rules', matches: [match.mark(mark)], target: target.accept() }),
    text({
      comment: 'kubernetes forwarding conntrack rule',
      matches: [match.connectionState('RELATED', 'ESTABLISHED')],
      target: target.accept(),
    }),
  ]);
  r.setChain('filter', chain.firewall, usesFirewall(o) ? [martianRule()] : []);
  for (const h of hooks()) r.setHook(h);
}

function martianRule(): string {
  return text({
    source: not('127.0.0.0/8'),
    destination: '127.0.0.0/8',
    comment: 'block incoming localnet connections',
    matches: [{ module: 'conntrack', options: [{ name: 'ctstate', values: ['RELATED,ESTABLISHED,DNAT'], not: true }] }],
    target: target.drop(),
  });
}

/** Sets the local addresses on which node ports answer; undefined: all. */
export function setNodePortAddresses(r: Restorer, o: RuleOptions, addresses: RuleOptions['nodePortAddresses']): void {
  r.setBag('nat', chain.services, nodePortTail({ ...o, nodePortAddresses: addresses }));
}

/** The last rules of KUBE-SERVICES: what is for this machine and no service address may be a node port. */
function nodePortTail(o: RuleOptions): string[] {
  const comment = 'kubernetes service nodeports; NOTE: this must be the last rule in this chain';
  // IPv6 has no route_localnet: node ports never work on ::1.
  const isOpen = o.family === 'ipv4' && o.localhostNodePorts;
  if (o.nodePortAddresses) {
    return o.nodePortAddresses
      .filter((ip) => isOpen || !isLoopback(ip))
      .map((ip) => text({ destination: ip, comment, target: target.jump(chain.nodePorts) }));
  }
  const localhost = o.family === 'ipv6' ? '::1/128' : '127.0.0.0/8';
  return [
    text({
      ...(isOpen ? {} : { destination: not(localhost) }),
      comment,
      matches: [match.addressType('dst-type', 'LOCAL')],
      target: target.jump(chain.nodePorts),
    }),
  ];
}
