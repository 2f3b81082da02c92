import { isIPv6 } from 'node:net';

export interface Cidr {
  base: bigint;
  prefix: number;
  ipv6: boolean;
}

/** Parses `address/prefix`, with host bits cleared. Throws for anything else. */
export function parseCidr(text: string): Cidr {
  const [address, prefixText, rest] = text.split('/');
  const prefix = Number(prefixText);
  if (!address || prefixText === undefined || rest !== undefined || !Number.isInteger(prefix)) {
    throw new Error(`invalid CIDR address: ${text}`);
  }
  const ipv6 = isIPv6(address);
  const bits = ipv6 ? 128 : 32;
  if (prefix < 0 || prefix > bits) throw new Error(`invalid CIDR address: ${text}`);
  const hostBits = BigInt(bits - prefix);
  return { base: (parseAddress(address, text) >> hostBits) << hostBits, prefix, ipv6 };
}

export function formatCidr({ base, prefix, ipv6 }: Cidr): string {
  return `${formatAddress(base, ipv6)}/${prefix}`;
}

function parseAddress(address: string, text: string): bigint {
  // URL's parser knows every spelling of an IPv6 address and writes it canonically.
  if (!isIPv6(address)) {
    const parts = address.split('.').map(Number);
    const valid = parts.length === 4 && parts.every((part) => Number.isInteger(part) && part >= 0 && part <= 255);
    if (!valid) throw new Error(`invalid CIDR address: ${text}`);
    return parts.reduce((value, part) => value * 256n + BigInt(part), 0n);
  }
  const canonical = new URL(`http://[${address}]`).hostname.slice(1, -1);
  const [head = '', tail] = canonical.split('::');
  const groups = (part: string): string[] => (part === '' ? [] : part.split(':'));
  const left = groups(head);
  const right = tail === undefined ? [] : groups(tail);
  const all = [...left, ...Array<string>(8 - left.length - right.length).fill('0'), ...right];
  return all.reduce((value, group) => value * 65536n + BigInt(Number.parseInt(group, 16)), 0n);
}

function formatAddress(value: bigint, ipv6: boolean): string {
  if (!ipv6) return [24n, 16n, 8n, 0n].map((shift) => String((value >> shift) & 255n)).join('.');
  const groups = Array.from({ length: 8 }, (_, i) => ((value >> BigInt(112 - 16 * i)) & 65535n).toString(16));
  return new URL(`http://[${groups.join(':')}]`).hostname.slice(1, -1);
}

/** The subnets of a cluster CIDR and which of them are taken. */
export class CidrSet {
  private readonly taken = new Set<number>();
  private readonly size: number;
  private next = 0;

  /** Throws if the subnets would be larger than the CIDR, or more than 65536. */
  constructor(
    readonly cluster: Cidr,
    readonly nodePrefix: number,
  ) {
    const bits = nodePrefix - cluster.prefix;
    if (bits < 0 || bits > 16) {
      throw new Error(
        `New CIDR set failed; the node CIDR size is too big or too small: cluster ${formatCidr(cluster)}, node mask ${nodePrefix}`,
      );
    }
    this.size = 2 ** bits;
  }

  /** Takes the next free subnet; undefined if all are taken. */
  allocate(): string | undefined {
    for (let i = 0; i < this.size; i++) {
      const index = (this.next + i) % this.size;
      if (this.taken.has(index)) continue;
      this.taken.add(index);
      this.next = (index + 1) % this.size;
      return formatCidr(this.subnet(index));
    }
    return undefined;
  }

  /** Marks every subnet that overlaps the CIDR as taken. */
  occupy(text: string): void {
    for (const index of this.overlapping(text)) this.taken.add(index);
  }

  release(text: string): void {
    for (const index of this.overlapping(text)) this.taken.delete(index);
  }

  contains(text: string): boolean {
    return this.overlapping(text).length > 0;
  }

  private subnet(index: number): Cidr {
    return { ...this.cluster, base: this.cluster.base + BigInt(index) * this.step(), prefix: this.nodePrefix };
  }

  private step(): bigint {
    return 1n << BigInt((this.cluster.ipv6 ? 128 : 32) - this.nodePrefix);
  }

  private overlapping(text: string): number[] {
    const cidr = parseCidr(text);
    if (cidr.ipv6 !== this.cluster.ipv6) return [];
    const width = 1n << BigInt((cidr.ipv6 ? 128 : 32) - cidr.prefix);
    const first = (cidr.base - this.cluster.base) / this.step();
    const last = (cidr.base + width - 1n - this.cluster.base) / this.step();
    if (cidr.base + width <= this.cluster.base) return [];
    const indexes: number[] = [];
    const from = first < 0n ? 0 : Number(first);
    for (let i = from; i < this.size && BigInt(i) <= last; i++) indexes.push(i);
    return indexes;
  }
}
