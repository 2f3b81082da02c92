export type IpFamily = 'ipv4' | 'ipv6';
export type Protocol = 'tcp' | 'udp' | 'sctp';

/** One port of a Service in one address family, with all that decides its rules. */
export interface ServicePort {
  /** Unique key: `namespace/name:port/protocol`. */
  key: string;
  /** `namespace/name:port`, or `namespace/name` for an unnamed port, as comments and chain names use it. */
  displayName: string;
  namespace: string;
  name: string;
  portName: string;
  protocol: Protocol;
  clusterIP: string;
  port: number;
  /** 0: none. */
  nodePort: number;
  externalIPs: readonly string[];
  /** Addresses of status.loadBalancer.ingress whose ipMode is VIP. */
  loadBalancerVIPs: readonly string[];
  /** CIDRs allowed to the load balancer's addresses; empty: all. */
  sourceRanges: readonly string[];
  /** Seconds of ClientIP affinity; undefined: none. */
  affinitySeconds: number | undefined;
  internalPolicyLocal: boolean;
  externalPolicyLocal: boolean;
  /** 0: none. */
  healthCheckNodePort: number;
}

/** One address and port behind a service port, with the states that EndpointSlices report. */
export interface Endpoint {
  ip: string;
  port: number;
  /** `ip:port` or `[ip]:port`. */
  address: string;
  ready: boolean;
  serving: boolean;
  terminating: boolean;
  /** On this node. */
  local: boolean;
  zoneHints: readonly string[];
  nodeHints: readonly string[];
}

/** `10.0.0.1:80`, `[fd00::1]:80`. */
export function joinAddress(ip: string, port: number): string {
  return ip.includes(':') ? `[${ip}]:${port}` : `${ip}:${port}`;
}

/** True if anything but the cluster IP leads to the port. */
export function isExternallyAccessible(p: ServicePort): boolean {
  return p.nodePort !== 0 || p.loadBalancerVIPs.length > 0 || p.externalIPs.length > 0;
}

/**
 * Whether endpoints of the whole cluster are used. External traffic needs them even with policy Local: traffic from
 * pods and this node itself is short-circuited past the policy.
 */
export function usesClusterEndpoints(p: ServicePort): boolean {
  return !p.internalPolicyLocal || isExternallyAccessible(p);
}

/** Whether endpoints of this node alone are used for some traffic. */
export function usesLocalEndpoints(p: ServicePort): boolean {
  return p.internalPolicyLocal || (p.externalPolicyLocal && isExternallyAccessible(p));
}
