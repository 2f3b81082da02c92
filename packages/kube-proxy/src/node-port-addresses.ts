import { networkInterfaces } from 'node:os';
import { cidrContains, familyOf, familyOfCidr, isLoopback } from './model/address.js';
import type { IpFamily } from './model/types.js';

/** --nodeport-addresses: CIDRs, or `primary` for the node's own addresses. Empty: all local addresses. */
export class NodePortAddresses {
  private readonly cidrs: readonly string[];
  private readonly isPrimary: boolean;

  /** Throws for what is neither. `local` lists the machine's addresses. */
  constructor(
    given: readonly string[],
    private readonly nodeIPs: readonly string[],
    private readonly local: () => string[] = localAddresses,
  ) {
    this.isPrimary = given.length === 1 && given[0] === 'primary';
    this.cidrs = this.isPrimary ? [] : given;
    for (const c of this.cidrs) {
      if (!familyOfCidr(c))
        throw new Error(`--nodeport-addresses: ${JSON.stringify(c)} is neither a CIDR nor "primary"`);
    }
  }

  /** The addresses of a family, as they are now; undefined: all. None of a family that no CIDR is of. */
  addresses(family: IpFamily): string[] | undefined {
    if (this.isPrimary) return this.nodeIPs.filter((ip) => familyOf(ip) === family);
    if (this.matchesAll(family)) return undefined;
    return [...new Set(this.local().filter((ip) => this.cidrs.some((c) => cidrContains(c, ip))))]
      .filter((ip) => familyOf(ip) === family)
      .sort();
  }

  /** Whether 127.0.0.1 is among them. */
  get hasLoopback(): boolean {
    if (this.isPrimary) return this.nodeIPs.some(isLoopback);
    return this.matchesAll('ipv4') || this.cidrs.some((c) => cidrContains('127.0.0.0/8', c.split('/')[0] ?? ''));
  }

  private matchesAll(family: IpFamily): boolean {
    return (
      !this.isPrimary &&
      (this.cidrs.length === 0 || this.cidrs.some((c) => familyOfCidr(c) === family && c.endsWith('/0')))
    );
  }
}

function localAddresses(): string[] {
  return Object.values(networkInterfaces()).flatMap((list) => (list ?? []).map((a) => a.address));
}
