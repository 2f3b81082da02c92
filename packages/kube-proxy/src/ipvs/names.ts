import type { IpFamily } from '../model/types.js';

/** Holds the addresses of Services, so that packets for them are local ones, which is where IPVS looks at them. */
export const dummyDevice = 'kube-ipvs0';

/** Fixed chain names, the same as those of kube-proxy's IPVS mode. */
export const chain = {
  services: 'KUBE-SERVICES',
  postrouting: 'KUBE-POSTROUTING',
  markMasq: 'KUBE-MARK-MASQ',
  nodePort: 'KUBE-NODE-PORT',
  loadBalancer: 'KUBE-LOAD-BALANCER',
  forward: 'KUBE-FORWARD',
  proxyFirewall: 'KUBE-PROXY-FIREWALL',
  sourceRanges: 'KUBE-SOURCE-RANGES-FIREWALL',
  filter: 'KUBE-IPVS-FILTER',
  outFilter: 'KUBE-IPVS-OUT-FILTER',
} as const;

const natChains: readonly string[] = [
  chain.services,
  chain.postrouting,
  chain.nodePort,
  chain.loadBalancer,
  chain.markMasq,
];
const filterChains: readonly string[] = [
  chain.forward,
  chain.nodePort,
  chain.proxyFirewall,
  chain.sourceRanges,
  chain.filter,
  chain.outFilter,
];

/** True for the chains that this mode writes. */
export function isIpvsChain(table: string, name: string): boolean {
  return table === 'nat' ? natChains.includes(name) : table === 'filter' && filterChains.includes(name);
}

/** True for the chains of this mode whose names the iptables mode does not use too. */
export function isIpvsOnlyChain(table: string, name: string): boolean {
  const own: string[] = [chain.nodePort, chain.loadBalancer, chain.sourceRanges, chain.filter, chain.outFilter];
  return isIpvsChain(table, name) && own.includes(name);
}

const hash = (type: string) => (family: IpFamily) =>
  `${type} family ${family === 'ipv6' ? 'inet6' : 'inet'} hashsize 1024 maxelem 65536`;
const ports = () => 'bitmap:port range 0-65535';

/** The sets, by kube-proxy's names: how each is created, and the comment of the rule that uses it. */
export const ipsets = {
  'KUBE-LOOP-BACK': {
    type: hash('hash:ip,port,ip'),
    comment: 'Kubernetes endpoints dst ip:port, source ip for solving hairpin purpose',
  },
  'KUBE-CLUSTER-IP': {
    type: hash('hash:ip,port'),
    comment: 'Kubernetes service cluster ip + port for masquerade purpose',
  },
  'KUBE-EXTERNAL-IP': {
    type: hash('hash:ip,port'),
    comment: 'Kubernetes service external ip + port for masquerade and filter purpose',
  },
  'KUBE-EXTERNAL-IP-LOCAL': {
    type: hash('hash:ip,port'),
    comment: 'Kubernetes service external ip + port with externalTrafficPolicy=local',
  },
  'KUBE-LOAD-BALANCER': { type: hash('hash:ip,port'), comment: 'Kubernetes service lb portal' },
  'KUBE-LOAD-BALANCER-LOCAL': {
    type: hash('hash:ip,port'),
    comment: 'Kubernetes service load balancer ip + port with externalTrafficPolicy=local',
  },
  'KUBE-LOAD-BALANCER-SOURCE-IP': {
    type: hash('hash:ip,port,ip'),
    comment: 'Kubernetes service load balancer ip + port + source IP for packet filter purpose',
  },
  'KUBE-LOAD-BALANCER-SOURCE-CIDR': {
    type: hash('hash:ip,port,net'),
    comment: 'Kubernetes service load balancer ip + port + source cidr for packet filter purpose',
  },
  // After the sets of what it lets through: of one batch these are filled first.
  'KUBE-LOAD-BALANCER-FW': {
    type: hash('hash:ip,port'),
    comment: 'Kubernetes service load balancer ip + port for load balancer with sourceRange',
  },
  'KUBE-NODE-PORT-TCP': { type: ports, comment: 'Kubernetes nodeport TCP port for masquerade purpose' },
  'KUBE-NODE-PORT-LOCAL-TCP': { type: ports, comment: 'Kubernetes nodeport TCP port with externalTrafficPolicy=local' },
  'KUBE-NODE-PORT-UDP': { type: ports, comment: 'Kubernetes nodeport UDP port for masquerade purpose' },
  'KUBE-NODE-PORT-LOCAL-UDP': { type: ports, comment: 'Kubernetes nodeport UDP port with externalTrafficPolicy=local' },
  'KUBE-NODE-PORT-SCTP-HASH': {
    type: hash('hash:ip,port'),
    comment: "Kubernetes nodeport SCTP port for masquerade purpose with type 'hash ip:port'",
  },
  'KUBE-NODE-PORT-LOCAL-SCTP-HASH': {
    type: hash('hash:ip,port'),
    comment: "Kubernetes nodeport SCTP port with externalTrafficPolicy=local with type 'hash ip:port'",
  },
  'KUBE-HEALTH-CHECK-NODE-PORT': { type: ports, comment: 'Kubernetes health check node port' },
  'KUBE-IPVS-IPS': { type: hash('hash:ip'), comment: 'Addresses on kube-ipvs0' },
} as const satisfies Record<string, { type: (family: IpFamily) => string; comment: string }>;

export type SetName = keyof typeof ipsets;
export const setNames = Object.keys(ipsets) as SetName[];

/** The set's name in the kernel: IPv6 has `KUBE-6-` in front, cut to the 31 characters a set's name may have. */
export function kernelSetName(name: SetName, family: IpFamily): string {
  return family === 'ipv4' ? name : name.replace(/^KUBE-/, 'KUBE-6-').slice(0, 31);
}

/** `create` line of `ipset restore`. Does nothing if the set is there. */
export function createSetLine(name: SetName, family: IpFamily): string {
  return `create -exist ${kernelSetName(name, family)} ${ipsets[name].type(family)}`;
}
