import type { Logger } from '@kubelab/component-base';
import type { Backend } from '@kubelab/node-iptables';

/** How pods reach those of another node: a plain route where the link is shared, VXLAN where it is not. */
export type RouteMode = 'auto' | 'host-gw' | 'vxlan';

/** Options of a node's pod network; what is left out gets the default named beside it. */
export interface NodeNetworkOptions {
  nodeName: string;
  /** This node's address, by which peers reach it. */
  nodeIp: string;
  /** Where the CNI configuration is written. */
  cniConfDir: string;
  /** `10-kubelab.conflist`. Files that sort before it belong to another CNI plugin and win. */
  cniConfName?: string;
  /** Where host-local keeps its allocations: must differ between nodes that share a disk. Default its own, /var/lib/cni/networks. */
  ipamDataDir?: string;
  /** `cni0`. */
  bridgeName?: string;
  /** `auto`. */
  mode?: RouteMode;
  /** Pod networks of the whole cluster, one a family: what goes there is not masqueraded. Default: pod CIDRs of all nodes. */
  clusterCidrs?: string[];
  /** MTU of pods; default: that of the node's link, less 50 (70 for IPv6) if VXLAN may be used. */
  mtu?: number;
  /** true: traffic of pods that leaves the cluster is masqueraded. */
  masquerade?: boolean;
  /** 8472/udp, the kernel's own default. */
  vxlanPort?: number;
  /** 1. */
  vxlanId?: number;
  backend?: Backend | 'auto';
  /** Put before each command, to work in another network namespace (tests). */
  commandPrefix?: string[];
  logger: Logger;
}

/** A node as far as the pod network goes. */
export interface Peer {
  name: string;
  /** InternalIPs, at most one a family is used. */
  ips: string[];
  podCidrs: string[];
}
