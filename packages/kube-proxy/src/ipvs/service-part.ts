import type { RuleOptions } from '../iptables/options.js';
import { cidrContains, familyOf } from '../model/address.js';
import type { CategorizedEndpoints } from '../model/categorize.js';
import { type Endpoint, joinAddress, type Protocol, type ServicePort } from '../model/types.js';
import { canonicalIp, storableNets } from './address.js';
import type { SetName } from './names.js';
import { outFilterRule } from './rules.js';

/** A virtual server and what it sends to. */
export interface VirtualServer {
  /** As ipvsadm takes and shows them: `-s rr -p 10800`. */
  options: string;
  /** `10.244.0.5:8080`, `[fd00::5]:8080`. */
  reals: readonly string[];
}

/** All that one service port needs, each thing by a key under which another port may want it too. */
export interface ServicePart {
  /** By ipvsadm's arguments: `-t 10.96.0.1:80`. */
  virtuals: Map<string, VirtualServer>;
  /** On kube-ipvs0. */
  addresses: Set<string>;
  /** `SET entry`, the entry as `ipset save` shows it. */
  members: Set<string>;
  /** Rules of KUBE-IPVS-OUT-FILTER. */
  outFilter: string[];
}

export interface PartOptions extends RuleOptions {
  scheduler: string;
  /** Addresses of this node's other interfaces: node ports answer on them, and they are not put on kube-ipvs0. */
  nodeAddresses: ReadonlySet<string>;
}

const serviceFlag: Record<Protocol, string> = { tcp: '-t', udp: '-u', sctp: '--sctp-service' };

/** The key of a virtual server: ipvsadm's arguments that name it. */
export function virtualKey(protocol: Protocol, ip: string, port: number): string {
  return `${serviceFlag[protocol]} ${joinAddress(ip, port)}`;
}

/** Why the kernel would refuse the port, or undefined. */
export function invalid(p: ServicePort, e: CategorizedEndpoints): string | undefined {
  const isPort = (n: number) => Number.isInteger(n) && n > 0 && n < 65536;
  if (!familyOf(p.clusterIP)) return `cluster IP ${JSON.stringify(p.clusterIP)} is not an address`;
  for (const port of [p.port, ...[p.nodePort, p.healthCheckNodePort].filter((n) => n !== 0)]) {
    if (!isPort(port)) return `${port} is not a port`;
  }
  const bad = e.reachable.find((x) => !familyOf(x.ip) || !isPort(x.port));
  return bad ? `endpoint ${bad.address} is not an address and a port` : undefined;
}

/** Computes what one service port needs in the kernel. Pure. */
export function servicePart(p: ServicePort, e: CategorizedEndpoints, o: PartOptions): ServicePart {
  const part: ServicePart = { virtuals: new Map(), addresses: new Set(), members: new Set(), outFilter: [] };
  const options = [
    `-s ${o.scheduler}`,
    ...(p.affinitySeconds === undefined ? [] : [`-p ${p.affinitySeconds}`]),
    // Connections of one source go by its port too, as kube-proxy has it.
    ...(o.scheduler === 'mh' ? ['-b mh-port'] : []),
  ].join(' ');
  const member = (set: SetName, entry: string) => part.members.add(`${set} ${entry}`);
  const serve = (ip: string, port: number, endpoints: Endpoint[]) => {
    part.virtuals.set(virtualKey(p.protocol, ip, port), { options, reals: endpoints.map(realServer) });
  };
  const bind = (ip: string) => {
    if (o.nodeAddresses.has(ip)) return;
    part.addresses.add(ip);
    member('KUBE-IPVS-IPS', ip);
  };
  const at = (ip: string) => `${ip},${p.protocol}:${p.port}`;

  // A pod that reaches itself through the Service must see a foreign source.
  for (const x of e.reachable.filter((r) => r.local)) {
    const ip = canonicalIp(x.ip);
    member('KUBE-LOOP-BACK', `${ip},${p.protocol}:${x.port},${ip}`);
  }

  const clusterIP = canonicalIp(p.clusterIP);
  member('KUBE-CLUSTER-IP', at(clusterIP));
  serve(clusterIP, p.port, p.internalPolicyLocal ? e.local : e.cluster);
  bind(clusterIP);

  // With policy Local and no endpoint here pods and this node still reach the others; what comes from outside gets
  // an answer from a wrong address and gives up, while load balancers know by the health check node port.
  const external = p.externalPolicyLocal && e.local.length > 0 ? e.local : e.cluster;
  for (const ip of p.externalIPs.map(canonicalIp)) {
    member(p.externalPolicyLocal ? 'KUBE-EXTERNAL-IP-LOCAL' : 'KUBE-EXTERNAL-IP', at(ip));
    serve(ip, p.port, external);
    bind(ip);
  }
  for (const ip of p.loadBalancerVIPs.map(canonicalIp)) {
    member('KUBE-LOAD-BALANCER', at(ip));
    if (p.externalPolicyLocal) member('KUBE-LOAD-BALANCER-LOCAL', at(ip));
    if (p.sourceRanges.length > 0) addSourceRanges(part, p, ip, o);
    serve(ip, p.port, external);
    bind(ip);
  }
  if (p.nodePort !== 0) addNodePort(part, p, o, (ip) => serve(ip, p.nodePort, external));
  if (p.healthCheckNodePort !== 0) member('KUBE-HEALTH-CHECK-NODE-PORT', String(p.healthCheckNodePort));
  return part;
}

const realServer = (e: Endpoint) => joinAddress(canonicalIp(e.ip), e.port);

function addSourceRanges(part: ServicePart, p: ServicePort, ip: string, o: PartOptions): void {
  const at = `${ip},${p.protocol}:${p.port}`;
  part.members.add(`KUBE-LOAD-BALANCER-FW ${at}`);
  for (const cidr of p.sourceRanges) {
    for (const net of storableNets(cidr)) part.members.add(`KUBE-LOAD-BALANCER-SOURCE-CIDR ${at},${net}`);
  }
  // A request of this node to an address that is local to it has that address as its source.
  const { nodeIP } = o;
  if (nodeIP !== undefined && p.sourceRanges.some((c) => cidrContains(c, nodeIP))) {
    part.members.add(`KUBE-LOAD-BALANCER-SOURCE-IP ${at},${ip}`);
  } else part.outFilter.push(outFilterRule(ip, p.protocol, p.port));
}

function addNodePort(part: ServicePart, p: ServicePort, o: PartOptions, serve: (ip: string) => void): void {
  const addresses = o.nodePortAddresses
    ? o.nodePortAddresses.map(canonicalIp).filter((ip) => o.nodeAddresses.has(ip))
    : [...o.nodeAddresses];
  if (addresses.length === 0) return;
  const protocol = p.protocol.toUpperCase() as Uppercase<Protocol>;
  const isSctp = protocol === 'SCTP';
  // bitmap:port knows no protocol, and sets match the ports of SCTP only together with an address.
  const entries = isSctp ? addresses.map((ip) => `${ip},sctp:${p.nodePort}`) : [String(p.nodePort)];
  for (const entry of entries) {
    part.members.add(`KUBE-NODE-PORT-${protocol}${isSctp ? '-HASH' : ''} ${entry}`);
    if (p.externalPolicyLocal) part.members.add(`KUBE-NODE-PORT-LOCAL-${protocol}${isSctp ? '-HASH' : ''} ${entry}`);
  }
  for (const ip of addresses) serve(ip);
}
