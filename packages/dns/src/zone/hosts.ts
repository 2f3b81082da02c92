import { isIP, isIPv4 } from 'node:net';
import type { Answer } from 'dns-packet';
import { canonicalIp, reverseAddress } from '../wire/reverse.js';

/** Names and addresses of a hosts(5) file. */
export class HostsTable {
  private readonly byName = new Map<string, string[]>();
  private readonly byIp = new Map<string, string>();

  /** Lines that are not valid are skipped, as the C library does. */
  constructor(
    text: string,
    private readonly ttl: number,
  ) {
    for (const line of text.split('\n')) {
      const [ip = '', ...names] = line.replace(/#.*/, '').trim().split(/\s+/);
      if (isIP(ip) === 0) continue;
      for (const n of names.map((x) => x.toLowerCase().replace(/\.$/, ''))) {
        this.byName.set(n, [...(this.byName.get(n) ?? []), ip]);
      }
      const first = names[0];
      if (first && !this.byIp.has(canonicalIp(ip))) this.byIp.set(canonicalIp(ip), first.replace(/\.$/, ''));
    }
  }

  /** Names in the table. */
  get size(): number {
    return this.byName.size;
  }

  /** Undefined: not in the table. An empty list: the name is, but not with this type (NODATA). */
  lookup(name: string, type: string): Answer[] | undefined {
    if (type === 'PTR') {
      const target = this.byIp.get(reverseAddress(name) ?? '');
      return target === undefined ? undefined : [{ type: 'PTR', name, ttl: this.ttl, data: target }];
    }
    const ips = this.byName.get(name);
    if (!ips) return undefined;
    return ips
      .filter((ip) => (isIPv4(ip) ? type === 'A' : type === 'AAAA'))
      .map((ip) => ({ type: isIPv4(ip) ? 'A' : 'AAAA', name, ttl: this.ttl, data: ip }));
  }
}
