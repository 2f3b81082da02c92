import type { V1Service } from '@kubelab/api';
import type { Logger, Registry } from '@kubelab/component-base';
import type { Backend } from '@kubelab/node-iptables';
import type { IpvsOptions } from './ipvs/options.js';

export const proxyModes = ['iptables', 'nftables', 'ipvs'] as const;
export type ProxyMode = (typeof proxyModes)[number];

/** Options of a proxy; what is left out gets the default named beside it. Times in milliseconds. */
export interface ProxyOptions {
  nodeName: string;
  /** This node's addresses, one a family. */
  nodeIPs?: string[];
  /** Pod networks, one a family; traffic to cluster IPs from elsewhere is masqueraded. */
  clusterCidrs?: string[];
  /** Pods' traffic comes in by this interface, or by all whose names begin so (`veth+`): instead of clusterCidrs. */
  localInterface?: string;
  /** `iptables`. */
  mode?: ProxyMode;
  /** Found out from what the machine uses. */
  backend?: Backend | 'auto';
  /** Of IPVS mode alone. */
  ipvs?: IpvsOptions;
  masqueradeAll?: boolean;
  /** 14: mark 0x4000. */
  masqueradeBit?: number;
  /** true: node ports answer on 127.0.0.1 (sets net.ipv4.conf.all.route_localnet). */
  localhostNodePorts?: boolean;
  /** CIDRs of the local addresses on which node ports answer; `primary`: the node's own, the default of nftables mode. Empty: all. */
  nodePortAddresses?: string[];
  /** 100. The first of several changes is written at once; the next ones after this time, together. */
  minSyncPeriodMs?: number;
  /** 30,000. Interval of the look for foreign flushes; health turns bad when a sync is overdue by twice this. */
  syncPeriodMs?: number;
  /** 900,000. Interval of the comparison of all rules with the kernel; 0: never. */
  verifyPeriodMs?: number;
  /** 0.0.0.0:10256; false: not served. */
  healthz?: { address: string; port: number } | false;
  /** false: a port that can't be bound is tried again every 5 s. true: it ends the start. */
  bindHardFail?: boolean;
  /** Put before each command, to work in another network namespace (tests). */
  commandPrefix?: string[];
  metrics: Registry;
  logger: Logger;
  /** A Service that can't be programmed in full: for an event. Default reason: FailedToProgramService. */
  onProblem?(service: V1Service, message: string, reason?: string): void;
  signal: AbortSignal;
}
