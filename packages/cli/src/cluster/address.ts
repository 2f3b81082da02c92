import { isIPv6 } from 'node:net';
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

/** The part of a family in `IPV4,IPV6`: networks or addresses of a dual-stack cluster are written so. */
export function ofFamily(list: string, family: 'ipv4' | 'ipv6'): string | undefined {
  return list.split(',').find((part) => part.includes(':') === (family === 'ipv6'));
}

/**
 * The n-th address of an IPv6 network whose prefix ends on a group, n below 65536: nthIpv6Address('fd00::/64', 11) is
 * fd00::b. Throws for anything else.
 */
export function nthIpv6Address(cidr: string, n: number): string {
  const match = /^([0-9a-f:]*)::\/(\d+)$/i.exec(cidr);
  const [, head = '', length] = match ?? [];
  if (!match || !isIPv6(`${head}::`) || Number(length) > 112) {
    throw new Error(`not an IPv6 network of the form PREFIX::/LENGTH, at most /112: ${cidr}`);
  }
  return `${head}::${n.toString(16)}`;
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
  const found = firstAddress('IPv4');
  if (!found) {
    throw new Error('no IPv4 address found on this machine: name one with --advertise-address');
  }
  return found;
}

/** The machine's own IPv6 address, found in the same way; undefined when it has none but link-local ones. */
export function primaryIpv6Address(): string | undefined {
  return firstAddress('IPv6');
}

function firstAddress(family: 'IPv4' | 'IPv6'): string | undefined {
  const virtual = /^(lo|docker|br-|cni|veth|flannel|cali|kube-|virbr|vxlan|ifb)/;
  for (const [name, addresses] of Object.entries(networkInterfaces())) {
    const found = addresses?.find(
      (address) => address.family === family && !address.internal && !/^fe80:/i.test(address.address),
    );
    if (found && !virtual.test(name)) {
      return found.address;
    }
  }
  return undefined;
}
