import { networkInterfaces } from 'node:os';
import { cidrContains, familyOf, familyOfCidr } from './model/address.js';
import type { IpFamily } from './model/types.js';

/**
 * The local addresses on which node ports of a family answer, from --nodeport-addresses: CIDRs, or `primary` for the
 * node's own. Undefined: all. Throws for what is neither.
 */
export function nodePortAddresses(family: IpFamily, cidrs: string[], nodeIPs: string[]): string[] | undefined {
  if (cidrs.length === 0) return undefined;
  const ofFamily = nodeIPs.filter((ip) => familyOf(ip) === family);
  if (cidrs.length === 1 && cidrs[0] === 'primary') return ofFamily;
  for (const c of cidrs) {
    if (!familyOfCidr(c)) throw new Error(`--nodeport-addresses: ${JSON.stringify(c)} is neither a CIDR nor "primary"`);
  }
  const wanted = cidrs.filter((c) => familyOfCidr(c) === family);
  if (wanted.some((c) => c.endsWith('/0'))) return undefined;
  const local = Object.values(networkInterfaces()).flatMap((list) => (list ?? []).map((a) => a.address));
  return [...new Set(local.filter((ip) => wanted.some((c) => cidrContains(c, ip))))];
}
