import { base32Sha256 } from '../model/hash.js';
import type { Protocol } from '../model/types.js';

/** Fixed chain names, the same as kube-proxy's. */
export const chain = {
  services: 'KUBE-SERVICES',
  externalServices: 'KUBE-EXTERNAL-SERVICES',
  nodePorts: 'KUBE-NODEPORTS',
  postrouting: 'KUBE-POSTROUTING',
  markMasq: 'KUBE-MARK-MASQ',
  forward: 'KUBE-FORWARD',
  proxyFirewall: 'KUBE-PROXY-FIREWALL',
  firewall: 'KUBE-FIREWALL',
  canary: 'KUBE-PROXY-CANARY',
} as const;

/** The first 16 characters (80 bits) of the RFC 4648 base32 of a SHA-256. */
const hash16 = (text: string) => base32Sha256(text, 16);

/** Chains of one service port: cluster policy, local policy, external destinations, load balancer firewall. */
export interface ServiceChains {
  svc: string;
  svl: string;
  ext: string;
  fw: string;
}

/** Names by kube-proxy's hash, so that every guide's chain is the one found here. */
export function serviceChains(displayName: string, protocol: Protocol): ServiceChains {
  const h = hash16(displayName + protocol);
  return { svc: `KUBE-SVC-${h}`, svl: `KUBE-SVL-${h}`, ext: `KUBE-EXT-${h}`, fw: `KUBE-FW-${h}` };
}

/** The chain of one endpoint of a service port. */
export function endpointChain(displayName: string, protocol: Protocol, address: string): string {
  return `KUBE-SEP-${hash16(displayName + protocol + address)}`;
}

const fixedNat: readonly string[] = [chain.services, chain.nodePorts, chain.postrouting, chain.markMasq];
const fixedFilter: readonly string[] = [
  chain.services,
  chain.externalServices,
  chain.nodePorts,
  chain.forward,
  chain.proxyFirewall,
  chain.firewall,
];

/** True for the chains that this proxy writes (its canary aside). XLB is what EXT was called before 1.24. */
export function isProxyChain(table: string, name: string): boolean {
  if (table === 'nat') return fixedNat.includes(name) || /^KUBE-(SVC|SVL|SEP|EXT|FW|XLB)-[A-Z2-7]{16}$/.test(name);
  return table === 'filter' && fixedFilter.includes(name);
}
