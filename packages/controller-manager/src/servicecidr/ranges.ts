import type { V1ServiceCIDR } from '@kubelab/api';
import type { Live } from '../framework/live.js';
import { type Cidr, parseCidr } from '../nodeipam/cidr-set.js';

export type ServiceCidr = Live<V1ServiceCIDR>;

export const rangesOf = (cidr: ServiceCidr): Cidr[] => (cidr.spec.cidrs ?? []).map(parseCidr);

const bitsOf = ({ ipv6 }: Cidr): number => (ipv6 ? 128 : 32);

/** Whether the first range holds all of the second. */
export function containsRange(outer: Cidr, inner: Cidr): boolean {
  if (outer.ipv6 !== inner.ipv6 || outer.prefix > inner.prefix) return false;
  const hostBits = BigInt(bitsOf(outer) - outer.prefix);
  return outer.base >> hostBits === inner.base >> hostBits;
}

/** Whether a Service can have the address of the range: neither the network's own nor IPv4's broadcast address. */
export function containsAddress(range: Cidr, address: string): boolean {
  const ipv6 = address.includes(':');
  const { base } = parseCidr(`${address}/${ipv6 ? 128 : 32}`);
  const last = range.base + (1n << BigInt(bitsOf(range) - range.prefix)) - 1n;
  if (range.ipv6 !== ipv6 || base <= range.base || base > last) return false;
  return ipv6 || base < last;
}

/** The ServiceCIDRs that an address may come from. */
export const holding = (cidrs: ServiceCidr[], address: string): ServiceCidr[] =>
  cidrs.filter((cidr) => rangesOf(cidr).some((range) => containsAddress(range, address)));

/** The ServiceCIDRs with which a ServiceCIDR shares addresses, itself among them. */
export function overlapping(cidrs: ServiceCidr[], with_: ServiceCidr): ServiceCidr[] {
  const ranges = rangesOf(with_);
  return cidrs.filter((cidr) =>
    rangesOf(cidr).some((one) => ranges.some((other) => containsRange(one, other) || containsRange(other, one))),
  );
}

/**
 * Whether a ServiceCIDR can go: each of its ranges lies in another ServiceCIDR's, or none of the addresses in use is in
 * it alone. As in Kubernetes, others count that are on their way out themselves: they wait for their addresses too.
 */
export function canGo(going: ServiceCidr, all: ServiceCidr[], addressesInUse: string[]): boolean {
  const others = all.filter(({ metadata }) => metadata.name !== going.metadata.name);
  const isCovered = (range: Cidr): boolean =>
    others.some((other) => rangesOf(other).some((outer) => containsRange(outer, range)));
  if (rangesOf(going).every(isCovered)) return true;
  return addressesInUse.every(
    (address) =>
      !rangesOf(going).some((range) => containsAddress(range, address)) || holding(others, address).length > 0,
  );
}
