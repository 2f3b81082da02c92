import type { V1LabelSelector, V1NetworkPolicy, V1NetworkPolicyPeer, V1NetworkPolicyPort } from '@kubelab/api';
import { contains } from '../../address.js';

/** A pod as the model below sees it. */
export interface TruthPod {
  namespace: string;
  name: string;
  labels: Record<string, string>;
  ips: { ipv4: string; ipv6: string };
  /** Container ports by name. */
  named: { name: string; port: number; protocol: string }[];
}

/** One packet: what a connection begins with. */
export interface Packet {
  from: TruthPod;
  to: TruthPod;
  family: 'ipv4' | 'ipv6';
  protocol: string;
  port: number;
}

type Labels = Record<string, string>;

/**
 * What NetworkPolicies allow, straight from the words of the API reference and sharing nothing with what is tested:
 * one packet at a time, no sets, no chains.
 */
export function isAllowed(p: Packet, policies: V1NetworkPolicy[], namespaces: Map<string, Labels>): boolean {
  // "A Pod can't block access to itself."
  if (p.from === p.to) return true;
  return permits(p, 'Ingress', policies, namespaces) && permits(p, 'Egress', policies, namespaces);
}

function permits(p: Packet, type: 'Ingress' | 'Egress', policies: V1NetworkPolicy[], ns: Map<string, Labels>): boolean {
  const subject = type === 'Ingress' ? p.to : p.from;
  const peer = type === 'Ingress' ? p.from : p.to;
  const isolating = policies.filter(({ metadata, spec }) => {
    const types = spec?.policyTypes ?? (spec?.egress?.length ? ['Ingress', 'Egress'] : ['Ingress']);
    return (
      metadata?.namespace === subject.namespace && selects(spec?.podSelector, subject.labels) && types.includes(type)
    );
  });
  if (isolating.length === 0) return true;
  return isolating.some(({ metadata, spec }) => {
    const rules =
      type === 'Ingress'
        ? (spec?.ingress ?? []).map((r) => ({ peers: r.from, ports: r.ports }))
        : (spec?.egress ?? []).map((r) => ({ peers: r.to, ports: r.ports }));
    return rules.some(
      ({ peers, ports }) =>
        (!peers?.length || peers.some((x) => isPeer(x, peer, metadata?.namespace ?? '', p.family, ns))) &&
        (!ports?.length || ports.some((x) => isPort(x, p))),
    );
  });
}

function isPeer(x: V1NetworkPolicyPeer, pod: TruthPod, own: string, family: 'ipv4' | 'ipv6', ns: Map<string, Labels>) {
  if (x.ipBlock) {
    const ip = pod.ips[family];
    return contains(x.ipBlock.cidr, ip) && !(x.ipBlock.except ?? []).some((e) => contains(e, ip));
  }
  const isInNamespace = x.namespaceSelector
    ? selects(x.namespaceSelector, ns.get(pod.namespace) ?? {})
    : pod.namespace === own;
  return isInNamespace && (!x.podSelector || selects(x.podSelector, pod.labels));
}

function isPort(x: V1NetworkPolicyPort, p: Packet): boolean {
  const protocol = x.protocol ?? 'TCP';
  if (protocol !== p.protocol) return false;
  if (x.port === undefined) return true;
  if (typeof x.port === 'string') {
    return p.to.named.some((n) => n.name === x.port && n.protocol === protocol && n.port === p.port);
  }
  return Number(x.port) <= p.port && p.port <= (x.endPort ?? Number(x.port));
}

function selects(selector: V1LabelSelector | undefined, labels: Labels): boolean {
  const exact = Object.entries(selector?.matchLabels ?? {}).every(([k, v]) => labels[k] === v);
  const expressions = (selector?.matchExpressions ?? []).every(({ key, operator, values = [] }) => {
    const value = labels[key];
    if (operator === 'Exists') return value !== undefined;
    if (operator === 'DoesNotExist') return value === undefined;
    if (operator === 'In') return value !== undefined && values.includes(value);
    return value === undefined || !values.includes(value);
  });
  return exact && expressions;
}
