import { networkInterfaces } from 'node:os';

/** The n-th address of an IPv4 network: nthAddress('10.96.0.0/16', 10) is 10.96.0.10. Throws for anything else. */
export function nthAddress(cidr: string, n: number): string {
  const match = /^(\d+)\.(\d+)\.(\d+)\.(\d+)\/(\d+)$/.exec(cidr);
  const octets = match?.slice(1, 5).map(Number) ?? [];
  const prefix = Number(match?.[5]);
  if (!match || octets.some((octet) => octet > 255) || prefix > 32) {
    throw new Error(`not an IPv4 network: ${cidr}`);
  }
  const base = octets.reduce((sum, octet) => sum * 256 + octet, 0);
  const size = 2 ** (32 - prefix);
  const address = Math.floor(base / size) * size + n;
  if (n >= size) {
    throw new Error(`${cidr} has no address number ${n}`);
  }
  return [24, 16, 8, 0].map((shift) => Math.floor(address / 2 ** shift) % 256).join('.');
}

/** The prefix length of a network in CIDR notation. */
export function prefixLength(cidr: string): number {
  return Number(cidr.split('/')[1]);
}

/**
 * The machine's own address that other machines reach it by: the first global IPv4 address of an interface that is not
 * a bridge or tunnel of containers. On a machine with several (vagrant's NAT and host-only ones), name it by flag.
 */
export function primaryAddress(): string {
  const virtual = /^(lo|docker|br-|cni|veth|flannel|cali|kube-|virbr|vxlan|ifb)/;
  for (const [name, addresses] of Object.entries(networkInterfaces())) {
    if (virtual.test(name)) {
      continue;
    }
    const found = addresses?.find((address) => address.family === 'IPv4' && !address.internal);
    if (found) {
      return found.address;
    }
  }
  throw new Error('no IPv4 address found on this machine: name one with --advertise-address');
}
