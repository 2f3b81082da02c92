import { createHash } from 'node:crypto';
import type { V1EndpointSlice, V1Node, V1Service } from '@kubelab/api';
import { contains } from '../address.js';

/** Services with another class belong to another load balancer. */
export const loadBalancerClass = 'kubelab.io/load-balancer';
const excludeLabel = 'node.kubernetes.io/exclude-from-external-load-balancers';

/** A node that may hold an address, and its own address in the subnet of that. */
export interface Candidate {
  node: string;
  nodeIp: string;
}

export function isOurs(s: V1Service): boolean {
  const c = s.spec?.loadBalancerClass;
  return s.spec?.type === 'LoadBalancer' && (c === undefined || c === loadBalancerClass);
}

export function isEligible(n: V1Node): boolean {
  const ready = n.status?.conditions?.find((c) => c.type === 'Ready')?.status === 'True';
  return ready && n.metadata?.labels?.[excludeLabel] === undefined && n.metadata?.deletionTimestamp === undefined;
}

export function internalIps(n: V1Node): string[] {
  return (n.status?.addresses ?? []).filter((a) => a.type === 'InternalIP').map((a) => a.address);
}

/** Nodes with an endpoint that takes traffic: ready ones, and if none is, those that end but still serve (KEP-1669). */
export function nodesWithEndpoint(slices: V1EndpointSlice[]): Set<string | undefined> {
  const endpoints = slices.flatMap((s) => s.endpoints ?? []);
  const ready = endpoints.filter((e) => e.conditions?.ready !== false);
  const serving = endpoints.filter((e) => e.conditions?.serving && e.conditions.terminating);
  return new Set((ready.length > 0 ? ready : serving).map((e) => e.nodeName));
}

/**
 * The nodes that may hold an address, best first: rendezvous hashing, so that all nodes agree without talking and the
 * loss of a node moves only its own addresses. Only nodes in the address' subnet can answer for it. `among`: of policy
 * Local, the nodes with an endpoint.
 */
export function rankCandidates(
  address: string,
  subnet: string,
  nodes: V1Node[],
  among: ReadonlySet<string | undefined> | undefined,
): Candidate[] {
  const weight = (node: string) => createHash('sha256').update(`${node} ${address}`).digest('hex');
  return nodes
    .filter((n) => isEligible(n) && (!among || among.has(n.metadata?.name)))
    .flatMap((n) => {
      const nodeIp = internalIps(n).find((ip) => contains(subnet, ip));
      const node = n.metadata?.name ?? '';
      return nodeIp ? [{ node, nodeIp, weight: weight(node) }] : [];
    })
    .sort((a, b) => (a.weight < b.weight ? 1 : -1))
    .map(({ node, nodeIp }) => ({ node, nodeIp }));
}
