import { isIPv4, isIPv6 } from 'node:net';

export type IpFamily = 'IPv4' | 'IPv6';

/** The shortest prefix of an IPv6 range that Services get addresses of, as in Kubernetes. */
const shortestIpv6Prefix = 64;

/**
 * The addresses of a CIDR that Services may have: all but the network's own and, of IPv4, the broadcast address. They
 * are numbered from `first` to `last`; those below `dynamicFrom` are given by name only, for as long as there are
 * others (KEP-3070).
 */
export class AddressRange {
  readonly family: IpFamily;
  private readonly base: bigint;
  readonly first = 1n;
  readonly last: bigint;
  readonly dynamicFrom: bigint;

  /** @throws Error when the text is not a CIDR, or one of IPv6 that is too large */
  constructor(readonly cidr: string) {
    const [address = '', length = ''] = cidr.split('/');
    const prefix = Number(length);
    const bits = isIPv4(address) ? 32 : 128;
    if ((!isIPv4(address) && !isIPv6(address)) || !/^\d+$/.test(length) || prefix > bits) {
      throw new Error(`invalid CIDR address: ${cidr}`);
    }
    if (bits === 128 && prefix < shortestIpv6Prefix) {
      throw new Error(`shortest allowed prefix length for service CIDR is ${shortestIpv6Prefix}, got ${prefix}`);
    }
    this.family = bits === 32 ? 'IPv4' : 'IPv6';
    const span = 1n << BigInt(bits - prefix);
    this.base = (toNumber(address) / span) * span;
    this.last = this.family === 'IPv4' ? span - 2n : span - 1n;
    this.dynamicFrom = this.first + staticBand(this.size);
  }

  /** The CIDR in its canonical form, without bits behind the prefix. */
  get network(): string {
    return `${this.at(0n)}/${Number(this.cidr.split('/')[1])}`;
  }

  /** How many addresses there are. */
  get size(): bigint {
    return this.last < this.first ? 0n : this.last - this.first + 1n;
  }

  /** Whether the address is one that a Service may have of this range. */
  contains(address: string): boolean {
    const isFamily = this.family === 'IPv4' ? isIPv4(address) : isIPv6(address);
    if (!isFamily) {
      return false;
    }
    const n = toNumber(address) - this.base;
    return n >= this.first && n <= this.last;
  }

  /** The n-th address; the network's own is the 0th. */
  at(n: bigint): string {
    return toText(this.base + n, this.family);
  }
}

/** The one spelling of an address that names its IPAddress: no leading zeros, IPv6 as RFC 5952 has it. */
export function canonicalAddress(address: string): string {
  return toText(toNumber(address), isIPv4(address) ? 'IPv4' : 'IPv6');
}

export function familyOf(address: string): IpFamily {
  return address.includes(':') ? 'IPv6' : 'IPv4';
}

function staticBand(size: bigint): bigint {
  const [least, most, step] = [16n, 256n, 16n];
  if (size <= least) {
    return 0n;
  }
  const band = size / step;
  return band < least ? least : band > most ? most : band;
}

function toNumber(address: string): bigint {
  if (isIPv4(address)) {
    return address.split('.').reduce((sum, octet) => sum * 256n + BigInt(octet), 0n);
  }
  // An IPv4 tail (::ffff:1.2.3.4) becomes two groups.
  const plain = address.replace(/(\d+)\.(\d+)\.(\d+)\.(\d+)$/, (_, a, b, c, d) => {
    return `${(Number(a) * 256 + Number(b)).toString(16)}:${(Number(c) * 256 + Number(d)).toString(16)}`;
  });
  const [head = '', tail] = plain.split('::');
  const left = head === '' ? [] : head.split(':');
  const right = tail === undefined || tail === '' ? [] : tail.split(':');
  const zeros = tail === undefined ? 0 : 8 - left.length - right.length;
  const groups = [...left, ...Array<string>(zeros).fill('0'), ...right];
  return groups.reduce((sum, group) => sum * 65536n + BigInt(`0x${group}`), 0n);
}

function toText(value: bigint, family: IpFamily): string {
  if (family === 'IPv4') {
    return [24n, 16n, 8n, 0n].map((shift) => (value >> shift) & 255n).join('.');
  }
  const groups = Array.from({ length: 8 }, (_, i) => ((value >> BigInt(112 - 16 * i)) & 0xffffn).toString(16));
  // RFC 5952: the longest run of two or more zero groups is shortened.
  const runs = [...groups.join(':').matchAll(/(?:^|:)0(?::0)+(?=:|$)/g)].sort((a, b) => b[0].length - a[0].length);
  const run = runs[0];
  if (!run) {
    return groups.join(':');
  }
  const text = groups.join(':');
  return `${text.slice(0, run.index)}::${text.slice(run.index + run[0].length).replace(/^:/, '')}`;
}
