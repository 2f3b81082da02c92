/** Options of the IPVS mode alone. */
export interface IpvsOptions {
  /** `rr`. Any scheduler of the kernel: rr, wrr, lc, wlc, lblc, lblcr, sh, dh, sed, nq, mh... */
  scheduler?: string;
  /** CIDRs whose virtual servers are left alone when what is not wanted is removed. */
  excludeCidrs?: string[];
  /** false. Sets arp_ignore=1 and arp_announce=2: addresses on kube-ipvs0 are not answered for on the link. */
  strictArp?: boolean;
  /** Seconds; 0 leaves the kernel's. Idle TCP connections. */
  tcpTimeout?: number;
  /** Seconds; 0 leaves the kernel's. TCP connections after a FIN. */
  tcpFinTimeout?: number;
  /** Seconds; 0 leaves the kernel's. UDP flows. */
  udpTimeout?: number;
}

export const defaultScheduler = 'rr';
