import { isIPv4 } from 'node:net';

/** A range of IPv4 addresses, both ends included. */
interface Range {
  first: number;
  last: number;
}

const toNumber = (ip: string) => ip.split('.').reduce((n, part) => n * 256 + Number(part), 0);
const toText = (n: number) => [24, 16, 8, 0].map((shift) => Math.floor(n / 2 ** shift) % 256).join('.');

/** `192.168.1.240/28`, `192.168.1.240-192.168.1.250`, or one address. Throws for anything else. */
function parseRange(text: string): Range {
  const [left = '', right] = text.split('-');
  if (right !== undefined && isIPv4(left) && isIPv4(right) && toNumber(left) <= toNumber(right)) {
    return { first: toNumber(left), last: toNumber(right) };
  }
  const [ip = '', length = '32'] = text.split('/');
  const bits = Number(length);
  if (right !== undefined || !isIPv4(ip) || !Number.isInteger(bits) || bits < 8 || bits > 32) {
    throw new Error(`not a range of IPv4 addresses: ${JSON.stringify(text)}`);
  }
  const size = 2 ** (32 - bits);
  const first = Math.floor(toNumber(ip) / size) * size;
  // The network's own and its broadcast address are nobody's.
  return size > 2 ? { first: first + 1, last: first + size - 2 } : { first, last: first + size - 1 };
}

/** The addresses that Services of type LoadBalancer may get. */
export class AddressPool {
  private readonly ranges: Range[];

  constructor(ranges: string[]) {
    this.ranges = ranges.map(parseRange);
  }

  contains(ip: string): boolean {
    if (!isIPv4(ip)) return false;
    const n = toNumber(ip);
    return this.ranges.some((r) => r.first <= n && n <= r.last);
  }

  /** The first address for which `isFree`; undefined: the pool is used up. */
  find(isFree: (ip: string) => boolean): string | undefined {
    for (const r of this.ranges) {
      for (let n = r.first; n <= r.last; n++) if (isFree(toText(n))) return toText(n);
    }
    return undefined;
  }
}
