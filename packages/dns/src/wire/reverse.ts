import { isIP, isIPv6 } from 'node:net';

/** One spelling for each address, to compare by: IPv6 in full, lower case. */
export function canonicalIp(ip: string): string {
  if (!isIPv6(ip)) return ip;
  return expandV6(ip).join(':');
}

/** The eight groups of four hex digits. */
function expandV6(ip: string): string[] {
  let text = ip.toLowerCase();
  const dotted = /^(.*:)(\d+)\.(\d+)\.(\d+)\.(\d+)$/.exec(text);
  if (dotted) {
    const hex = (a?: string, b?: string) => (Number(a) * 256 + Number(b)).toString(16);
    text = `${dotted[1]}${hex(dotted[2], dotted[3])}:${hex(dotted[4], dotted[5])}`;
  }
  const [head = '', tail] = text.split('::');
  const left = head === '' ? [] : head.split(':');
  const right = tail ? tail.split(':') : [];
  const zeros = tail === undefined ? [] : new Array<string>(8 - left.length - right.length).fill('0');
  return [...left, ...zeros, ...right].map((g) => g.padStart(4, '0'));
}

/** The address that a reverse name asks about (`1.0.96.10.in-addr.arpa`, lower case), or undefined. Canonical. */
export function reverseAddress(name: string): string | undefined {
  if (name.endsWith('.in-addr.arpa')) {
    const ip = name.slice(0, -'.in-addr.arpa'.length).split('.').reverse().join('.');
    return isIP(ip) === 4 ? ip : undefined;
  }
  if (name.endsWith('.ip6.arpa')) {
    const nibbles = name.slice(0, -'.ip6.arpa'.length).split('.').reverse();
    if (nibbles.length !== 32 || !nibbles.every((n) => /^[0-9a-f]$/.test(n))) return undefined;
    return nibbles.join('').match(/.{4}/g)?.join(':');
  }
  return undefined;
}
