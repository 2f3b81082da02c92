import type { IpFamily } from '../model/types.js';

/** What shapes the rules besides Services and endpoints. */
export interface RuleOptions {
  family: IpFamily;
  /** Pod network of this family; traffic to cluster IPs from outside it is masqueraded. Undefined: never known local. */
  clusterCidr: string | undefined;
  /**
   * Pods' traffic comes in by this interface, or by all whose names begin so (`veth+`), instead of from `clusterCidr`
   * (--detect-local-mode BridgeInterface, InterfaceNamePrefix).
   */
  localInterface?: string | undefined;
  /** Packets conntrack finds invalid are not dropped: the kernel is liberal (nf_conntrack_tcp_be_liberal). */
  keepInvalid?: boolean;
  masqueradeAll: boolean;
  /** The mark bit, 0x4000 by default (bit 14). */
  masqueradeMark: string;
  /** `--random-fully`, as the kernel and tools at our level support it. */
  masqueradeRandomFully: boolean;
  /** Node ports on 127.0.0.1 too (IPv4 only; needs route_localnet). */
  localhostNodePorts: boolean;
  /** Addresses on which node ports answer; undefined: all local ones. */
  nodePortAddresses: readonly string[] | undefined;
  /** This node's own address, to let it through source ranges that contain it. */
  nodeIP: string | undefined;
}

export const defaultMasqueradeMark = '0x4000';
