import { isIPv4, isIPv6 } from 'node:net';

export type IpFamily = 'IPv4' | 'IPv6';

/** A range of addresses of one family, both ends included. */
interface Range {
  family: IpFamily;
  first: bigint;
  last: bigint;
}

export function familyOf(ip: string): IpFamily {
  return ip.includes(':') ? 'IPv6' : 'IPv4';
}

/** The 16-bit groups of an IPv6 address, `::` and a dotted tail written out. */
function groups(ip: string): string[] {
  const dotted = /^(.*:)(\d+)\.(\d+)\.(\d+)\.(\d+)$/.exec(ip);
  const hex = (a = '', b = '') => (Number(a) * 256 + Number(b)).toString(16);
  const text = dotted ? `${dotted[1]}${hex(dotted[2], dotted[3])}:${hex(dotted[4], dotted[5])}` : ip;
  const [left = '', right] = text.split('::');
  const parts = (s: string) => (s === '' ? [] : s.split(':'));
  if (right === undefined) return parts(left);
  const missing = 8 - parts(left).length - parts(right).length;
  return [...parts(left), ...Array<string>(missing).fill('0'), ...parts(right)];
}

function toNumber(ip: string): bigint {
  if (isIPv4(ip)) return ip.split('.').reduce((n, part) => n * 256n + BigInt(part), 0n);
  return groups(ip).reduce((n, group) => n * 65536n + BigInt(`0x${group}`), 0n);
}

function toText(family: IpFamily, n: bigint): string {
  if (family === 'IPv4') return [24n, 16n, 8n, 0n].map((shift) => (n >> shift) & 255n).join('.');
  const parts = Array.from({ length: 8 }, (_, i) => ((n >> BigInt(112 - 16 * i)) & 0xffffn).toString(16)).join(':');
  // RFC 5952: the longest run of zeros, the first of several, is left out; one group alone is not.
  const runs = [...parts.matchAll(/\b0(?::0)+\b/g)];
  const longest = runs.reduce<RegExpExecArray | undefined>(
    (a, b) => (a && a[0].length >= b[0].length ? a : b),
    undefined,
  );
  if (!longest) return parts;
  const before = parts.slice(0, longest.index).replace(/:$/, '');
  const after = parts.slice(longest.index + longest[0].length).replace(/^:/, '');
  return `${before}::${after}`;
}

/** The text by which the same address is always known. */
export function canonicalIp(ip: string): string {
  return toText(familyOf(ip), toNumber(ip));
}

const isSame = (a: string, b: string) => (isIPv4(a) && isIPv4(b)) || (isIPv6(a) && isIPv6(b));

/** `192.168.1.240/28`, `fd00::100-fd00::1ff`, or one address. Throws for anything else. */
function parseRange(text: string): Range {
  const [left = '', right, ...more] = text.split('-');
  const wrong = () => new Error(`not a range of IP addresses: ${JSON.stringify(text)}`);
  if (right !== undefined) {
    if (more.length > 0 || !isSame(left, right) || toNumber(left) > toNumber(right)) throw wrong();
    return { family: familyOf(left), first: toNumber(left), last: toNumber(right) };
  }
  const [ip = '', length, ...rest] = text.split('/');
  if (rest.length > 0 || !(isIPv4(ip) || isIPv6(ip))) throw wrong();
  const family = familyOf(ip);
  const width = family === 'IPv4' ? 32 : 128;
  const bits = length === undefined ? width : Number(length);
  if (!/^\d*$/.test(length ?? '') || length === '' || bits < 8 || bits > width) throw wrong();
  const size = 1n << BigInt(width - bits);
  const first = (toNumber(ip) / size) * size;
  const last = first + size - 1n;
  if (size <= 2n) return { family, first, last };
  // The network's own address (IPv6: of its routers) is nobody's, nor is IPv4's broadcast address.
  return { family, first: first + 1n, last: family === 'IPv4' ? last - 1n : last };
}

/** The addresses that Services of type LoadBalancer may get. */
export class AddressPool {
  private readonly ranges: Range[];

  constructor(ranges: string[]) {
    this.ranges = ranges.map(parseRange);
  }

  has(family: IpFamily): boolean {
    return this.ranges.some((r) => r.family === family);
  }

  contains(ip: string): boolean {
    if (!isIPv4(ip) && !isIPv6(ip)) return false;
    const n = toNumber(ip);
    return this.ranges.some((r) => r.family === familyOf(ip) && r.first <= n && n <= r.last);
  }

  /** The first address of a family for which `isFree`; undefined: the pool is used up. */
  find(family: IpFamily, isFree: (ip: string) => boolean): string | undefined {
    for (const r of this.ranges) {
      if (r.family !== family) continue;
      for (let n = r.first; n <= r.last; n++) {
        const ip = toText(family, n);
        if (isFree(ip)) return ip;
      }
    }
    return undefined;
  }
}
