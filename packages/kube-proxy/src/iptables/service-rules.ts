import { match, type RuleSpec, renderRule, rule, target } from '@kubelab/node-iptables';
import { cidrContains } from '../model/address.js';
import type { CategorizedEndpoints } from '../model/categorize.js';
import {
  type Endpoint,
  isExternallyAccessible,
  type ServicePort,
  usesClusterEndpoints,
  usesLocalEndpoints,
} from '../model/types.js';
import type { RuleForm } from './form.js';
import { podTraffic } from './local-traffic.js';
import { chain, endpointChain, type ServiceChains, serviceChains } from './names.js';
import type { RuleOptions } from './options.js';

/** All rules of one service port: its own chains in the nat table, and its entries in the shared chains. */
export interface ServiceRules {
  /** nat table: chain name to rules. */
  chains: Map<string, string[]>;
  /** Entries in shared chains, by `table chain`. */
  entries: Record<SharedChain, string[]>;
}

/** The shared chains (bags) a service port has entries in. */
export const sharedChains = {
  natServices: ['nat', chain.services],
  natNodePorts: ['nat', chain.nodePorts],
  filterServices: ['filter', chain.services],
  filterExternal: ['filter', chain.externalServices],
  filterNodePorts: ['filter', chain.nodePorts],
  filterFirewall: ['filter', chain.proxyFirewall],
} as const;
export type SharedChain = keyof typeof sharedChains;

const text = (spec: RuleSpec) => renderRule(rule(spec));

/** What traffic that finds no endpoint gets: nobody at all serves it (REJECT), or only nodes other than this (DROP). */
interface Refusal {
  comment: string;
  target: ReturnType<typeof target.reject>;
}

/** Comments of the nat table's rules; undefined where the form has none. */
const serviceComment = (form: RuleForm, comment: string) => (form === 'compact' ? undefined : comment);
const endpointComment = (form: RuleForm, comment: string) => (form === 'full' ? comment : undefined);

/** Computes the rules of one service port; the same input always gives the same text. */
export function serviceRules(
  p: ServicePort,
  e: CategorizedEndpoints,
  o: RuleOptions,
  form: RuleForm = 'full',
): ServiceRules {
  const names = serviceChains(p.displayName, p.protocol);
  const hasInternal = p.internalPolicyLocal ? e.local.length > 0 : e.hasAny;
  const hasExternal = p.externalPolicyLocal ? e.local.length > 0 : e.hasAny;
  const refusal: Refusal = e.hasAny
    ? { comment: `${p.displayName} has no local endpoints`, target: target.drop() }
    : { comment: `${p.displayName} has no endpoints`, target: target.reject() };
  const rules: ServiceRules = {
    chains: new Map(),
    entries: {
      natServices: [],
      natNodePorts: [],
      filterServices: [],
      filterExternal: [],
      filterNodePorts: [],
      filterFirewall: [],
    },
  };
  const usesFirewall = e.hasAny && p.loadBalancerVIPs.length > 0 && p.sourceRanges.length > 0;
  addEntries(rules, p, names, { hasInternal, hasExternal, hasAny: e.hasAny, usesFirewall, refusal }, form);

  const policyChain = (isLocal: boolean) => (isLocal ? names.svl : names.svc);
  const svc: string[] = [];
  const svl: string[] = [];
  if (hasInternal) {
    const masquerade = masqueradeInternal(p, o, form);
    if (masquerade) (p.internalPolicyLocal ? svl : svc).push(masquerade);
  }
  if (usesClusterEndpoints(p) && e.cluster.length > 0) svc.push(...balance(p, e.cluster, form));
  if (usesLocalEndpoints(p) && e.local.length > 0) svl.push(...balance(p, e.local, form));
  if (svc.length > 0) rules.chains.set(names.svc, svc);
  if (svl.length > 0) rules.chains.set(names.svl, svl);
  if (e.hasAny && isExternallyAccessible(p)) {
    const policy = hasExternal ? policyChain(p.externalPolicyLocal) : undefined;
    rules.chains.set(names.ext, externalRules(p, names, policy, e.cluster.length > 0, o, form));
  }
  if (usesFirewall) rules.chains.set(names.fw, firewallRules(p, names, o, form));
  for (const ep of e.reachable) {
    rules.chains.set(endpointChain(p.displayName, p.protocol, ep.address), endpointRules(p, ep, form));
  }
  return rules;
}

/** What catches the traffic: in KUBE-SERVICES and KUBE-NODEPORTS, or refusals in the filter table. */
function addEntries(
  rules: ServiceRules,
  p: ServicePort,
  names: ServiceChains,
  s: { hasInternal: boolean; hasExternal: boolean; hasAny: boolean; usesFirewall: boolean; refusal: Refusal },
  form: RuleForm,
): void {
  const to = (ip: string, comment: string | undefined, t: RuleSpec['target']) =>
    text({
      destination: ip,
      protocol: p.protocol,
      comment,
      matches: [match.destinationPort(p.protocol, p.port)],
      ...(t ? { target: t } : {}),
    });
  const { natServices, natNodePorts, filterServices, filterExternal, filterNodePorts, filterFirewall } = rules.entries;

  if (s.hasInternal) {
    const internal = p.internalPolicyLocal ? names.svl : names.svc;
    natServices.push(to(p.clusterIP, serviceComment(form, `${p.displayName} cluster IP`), target.jump(internal)));
  } else filterServices.push(to(p.clusterIP, s.refusal.comment, s.refusal.target));

  for (const ip of p.externalIPs) {
    if (s.hasAny)
      natServices.push(to(ip, serviceComment(form, `${p.displayName} external IP`), target.jump(names.ext)));
    if (!s.hasExternal) filterExternal.push(to(ip, s.refusal.comment, s.refusal.target));
  }
  for (const ip of p.loadBalancerVIPs) {
    const via = s.usesFirewall ? names.fw : names.ext;
    if (s.hasAny) natServices.push(to(ip, serviceComment(form, `${p.displayName} loadbalancer IP`), target.jump(via)));
    if (s.usesFirewall) {
      filterFirewall.push(to(ip, `${p.displayName} traffic not accepted by ${names.fw}`, target.drop()));
    }
    if (!s.hasExternal) filterExternal.push(to(ip, s.refusal.comment, s.refusal.target));
  }
  if (p.nodePort !== 0) {
    const port = match.destinationPort(p.protocol, p.nodePort);
    if (s.hasAny) {
      natNodePorts.push(
        text({
          protocol: p.protocol,
          comment: serviceComment(form, p.displayName),
          matches: [port],
          target: target.jump(names.ext),
        }),
      );
    }
    if (!s.hasExternal) {
      filterExternal.push(
        text({
          protocol: p.protocol,
          comment: s.refusal.comment,
          matches: [match.addressType('dst-type', 'LOCAL'), port],
          target: s.refusal.target,
        }),
      );
    }
  }
  if (p.healthCheckNodePort !== 0) {
    filterNodePorts.push(
      text({
        protocol: 'tcp',
        comment: `${p.displayName} health check node port`,
        matches: [match.destinationPort('tcp', p.healthCheckNodePort)],
        target: target.accept(),
      }),
    );
  }
}

/**
 * Traffic to the cluster IP from outside the pod network may have come in through this node only to leave it again
 * for a pod elsewhere: replies must come back through here.
 */
function masqueradeInternal(p: ServicePort, o: RuleOptions, form: RuleForm): string | undefined {
  const clients = o.masqueradeAll ? {} : podTraffic(o, false);
  if (!clients) return undefined;
  return text({
    ...clients,
    destination: p.clusterIP,
    protocol: p.protocol,
    comment: serviceComment(form, `${p.displayName} cluster IP`),
    matches: [match.destinationPort(p.protocol, p.port)],
    target: target.jump(chain.markMasq),
  });
}

/** KUBE-EXT: what all external destinations of the port share. `policy`: undefined if no endpoint may take it here. */
function externalRules(
  p: ServicePort,
  names: ServiceChains,
  policy: string | undefined,
  hasCluster: boolean,
  o: RuleOptions,
  form: RuleForm,
): string[] {
  const out: string[] = [];
  const comment = (what: string) => serviceComment(form, `${what} for ${p.displayName} external destinations`);
  if (!p.externalPolicyLocal) {
    out.push(text({ comment: comment('masquerade traffic'), target: target.jump(chain.markMasq) }));
  } else {
    // Pods and this node itself reach the service as if through an outside load balancer: by all endpoints.
    const fromHost = [match.addressType('src-type', 'LOCAL')];
    const pods = podTraffic(o, true);
    if (pods && hasCluster) {
      out.push(text({ ...pods, comment: comment('pod traffic'), target: target.jump(names.svc) }));
    }
    out.push(
      text({ comment: comment('masquerade LOCAL traffic'), matches: fromHost, target: target.jump(chain.markMasq) }),
    );
    if (hasCluster) {
      out.push(text({ comment: comment('route LOCAL traffic'), matches: fromHost, target: target.jump(names.svc) }));
    }
  }
  if (policy) out.push(text({ target: target.jump(policy) }));
  return out;
}

/** KUBE-FW: source ranges of a load balancer. What passes none is not DNATed and dropped by KUBE-PROXY-FIREWALL. */
function firewallRules(p: ServicePort, names: ServiceChains, o: RuleOptions, form: RuleForm): string[] {
  const comment = serviceComment(form, `${p.displayName} loadbalancer IP`);
  const sources = [...p.sourceRanges];
  // A request of this node to an address that is local to it has that address as its source.
  if (o.nodeIP !== undefined && p.sourceRanges.some((c) => cidrContains(c, o.nodeIP ?? ''))) {
    sources.push(...p.loadBalancerVIPs);
  }
  return [
    ...sources.map((source) => text({ source, comment, target: target.jump(names.ext) })),
    text({ comment: `other traffic to ${p.displayName} will be dropped by ${chain.proxyFirewall}` }),
  ];
}

/** KUBE-SVC and KUBE-SVL: sticky clients first, then each endpoint with an equal chance. */
function balance(p: ServicePort, endpoints: Endpoint[], form: RuleForm): string[] {
  const out: string[] = [];
  const comment = (e: Endpoint) => endpointComment(form, `${p.displayName} -> ${e.address}`);
  const to = (e: Endpoint) => endpointChain(p.displayName, p.protocol, e.address);
  if (p.affinitySeconds !== undefined) {
    for (const e of endpoints) {
      out.push(
        text({
          comment: comment(e),
          matches: [match.recentlySeen(to(e), p.affinitySeconds)],
          target: target.jump(to(e)),
        }),
      );
    }
  }
  endpoints.forEach((e, i) => {
    const left = endpoints.length - i;
    out.push(
      text({
        comment: comment(e),
        ...(left > 1 ? { matches: [match.probability(1 / left)] } : {}),
        target: target.jump(to(e)),
      }),
    );
  });
  return out;
}

/** KUBE-SEP: an endpoint that reaches itself must see a foreign source (hairpin), then the DNAT. */
function endpointRules(p: ServicePort, e: Endpoint, form: RuleForm): string[] {
  const comment = endpointComment(form, p.displayName);
  return [
    text({ source: e.ip, comment, target: target.jump(chain.markMasq) }),
    text({
      protocol: p.protocol,
      comment,
      matches: [
        ...(p.affinitySeconds === undefined
          ? []
          : [match.remember(endpointChain(p.displayName, p.protocol, e.address))]),
        ...(form === 'compact' ? [] : [{ module: p.protocol, options: [] }]),
      ],
      target: target.dnat(e.address),
    }),
  ];
}
