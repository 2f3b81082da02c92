import type { V1NetworkPolicy, V1Pod } from '@kubelab/api';
import { familyOf, type IpFamily } from '../address.js';

/** A pod as far as policies go. */
export interface PolicyPod {
  /** `namespace/name`. */
  key: string;
  namespace: string;
  labels: Record<string, string>;
  /** Addresses of its own; none for pods in the host's network, which policies do not reach. */
  ips: Record<IpFamily, string[]>;
  /** On this node. */
  local: boolean;
  /** Named container ports. */
  ports: { name: string; protocol: string; port: number }[];
}

/** Everything the rules of a node are made of. */
export interface PolicyInput {
  pods: Iterable<PolicyPod>;
  policies: Iterable<V1NetworkPolicy>;
  /** Labels of each namespace. */
  namespaces: Map<string, Record<string, string>>;
}

/** Undefined for pods that have no address of their own (any more). */
export function policyPod(pod: V1Pod, nodeName: string): PolicyPod | undefined {
  const { name = '', namespace = '', labels = {} } = pod.metadata ?? {};
  const phase = pod.status?.phase;
  if (pod.spec?.hostNetwork || phase === 'Succeeded' || phase === 'Failed') return undefined;
  const all = pod.status?.podIPs?.map((i) => i.ip) ?? (pod.status?.podIP ? [pod.status.podIP] : []);
  if (all.length === 0) return undefined;
  const ips: PolicyPod['ips'] = { ipv4: [], ipv6: [] };
  for (const ip of all) ips[familyOf(ip)].push(ip);
  const containers = [...(pod.spec?.initContainers ?? []), ...(pod.spec?.containers ?? [])];
  const ports = containers.flatMap((c) =>
    (c.ports ?? [])
      .filter((p) => p.name)
      .map((p) => ({ name: p.name ?? '', protocol: (p.protocol ?? 'TCP').toLowerCase(), port: p.containerPort })),
  );
  return { key: `${namespace}/${name}`, namespace, labels, ips, local: pod.spec?.nodeName === nodeName, ports };
}

/** The directions a policy isolates: without policyTypes, ingress, and egress if it has egress rules. */
export function policyTypes(p: V1NetworkPolicy): { ingress: boolean; egress: boolean } {
  const types = p.spec?.policyTypes;
  if (types && types.length > 0) return { ingress: types.includes('Ingress'), egress: types.includes('Egress') };
  return { ingress: true, egress: (p.spec?.egress ?? []).length > 0 };
}
