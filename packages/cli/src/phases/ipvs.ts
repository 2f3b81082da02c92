import { existsSync } from 'node:fs';
import { ensureProgram } from '../process/debian-package.js';
import { succeeds } from '../process/run.js';

/** Made by the kernel when IPVS is there. */
const sign = '/proc/net/ip_vs';

/**
 * What --proxy-mode=ipvs needs of a machine: ip_vs in the kernel or as a module, and ipvsadm, which is installed only
 * then. To be called before anything is made. Throws what is missing.
 */
export async function ensureIpvs(): Promise<void> {
  if (!existsSync(sign)) await succeeds(['modprobe', 'ip_vs']);
  if (!existsSync(sign)) {
    throw new Error(
      "--proxy-mode=ipvs: this machine's kernel has no ip_vs (IP Virtual Server), neither built in nor as a module; " +
        'use --proxy-mode=nftables or iptables',
    );
  }
  await ensureProgram('/usr/sbin/ipvsadm', 'ipvsadm');
}
