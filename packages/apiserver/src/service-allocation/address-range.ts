import { BlockList, isIPv4, isIPv6 } from 'node:net';

/** At most this many addresses of a range are handed out, as in Kubernetes (an IPv6 /108, an IPv4 /12). */
const maxSize = 1 << 20;

/** The addresses of a CIDR by their number in it. */
export class AddressRange {
  private readonly base: bigint;
  private readonly list = new BlockList();
  readonly family: 'IPv4' | 'IPv6';
  /** How many addresses may be handed out, the network's own (0) and the broadcast address among them. */
  readonly size: number;

  /** @throws Error when the text is not a CIDR */
  constructor(readonly cidr: string) {
    const [address = '', length = ''] = cidr.split('/');
    const prefix = Number(length);
    const bits = isIPv4(address) ? 32 : 128;
    if ((!isIPv4(address) && !isIPv6(address)) || !/^\d+$/.test(length) || prefix > bits) {
      throw new Error(`invalid CIDR address: ${cidr}`);
    }
    this.family = bits === 32 ? 'IPv4' : 'IPv6';
    this.list.addSubnet(address, prefix, bits === 32 ? 'ipv4' : 'ipv6');
    const span = 1n << BigInt(bits - prefix);
    this.base = (toNumber(address) / span) * span;
    this.size = Number(span > BigInt(maxSize) ? BigInt(maxSize) : span);
  }

  contains(address: string): boolean {
    const family = isIPv4(address) ? 'ipv4' : isIPv6(address) ? 'ipv6' : undefined;
    return family !== undefined && family === this.family.toLowerCase() && this.list.check(address, family);
  }

  /** The n-th address. */
  at(n: number): string {
    return toText(this.base + BigInt(n), this.family);
  }

  /** The number of an address of the range; it may be beyond `size` in a very large one. */
  indexOf(address: string): number {
    return Number(toNumber(address) - this.base);
  }
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

function toText(value: bigint, family: 'IPv4' | 'IPv6'): string {
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
