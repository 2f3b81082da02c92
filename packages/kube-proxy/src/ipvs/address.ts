import { familyOf } from '../model/address.js';

/** The one spelling in which the kernel's tools show an address; what is no address stays as it is. */
export function canonicalIp(ip: string): string {
  // The URL standard serialises IPv6 addresses by RFC 5952.
  return familyOf(ip) === 'ipv6' ? new URL(`http://[${ip}]/`).hostname.slice(1, -1) : ip;
}

/**
 * The networks by which `hash:ip,port,net` holds a CIDR, as `ipset save` shows them: host bits cleared, a host without
 * its length, and everything (length 0, which the type can't hold) in two halves.
 */
export function storableNets(cidr: string): string[] {
  const [ip = '', text = ''] = cidr.split('/');
  const length = Number(text);
  const isV6 = familyOf(ip) === 'ipv6';
  if (length === 0) return isV6 ? ['::/1', '8000::/1'] : ['0.0.0.0/1', '128.0.0.0/1'];
  const width = isV6 ? 128 : 32;
  if (length === width) return [canonicalIp(ip)];
  const drop = BigInt(width - length);
  const net = (toNumber(ip, isV6) >> drop) << drop;
  return [`${fromNumber(net, isV6)}/${length}`];
}

function toNumber(ip: string, isV6: boolean): bigint {
  if (!isV6) return ip.split('.').reduce((n, part) => (n << 8n) | BigInt(part), 0n);
  const [head = '', tail] = canonicalIp(ip).split('::');
  const groups = (s: string) => (s === '' ? [] : s.split(':'));
  const left = groups(head);
  const right = groups(tail ?? '');
  const zeros = Array.from({ length: 8 - left.length - right.length }, () => '0');
  return [...left, ...zeros, ...right].reduce((n, g) => (n << 16n) | BigInt(`0x${g}`), 0n);
}

function fromNumber(n: bigint, isV6: boolean): string {
  if (!isV6) return [24n, 16n, 8n, 0n].map((shift) => String((n >> shift) & 255n)).join('.');
  const groups = Array.from({ length: 8 }, (_, i) => ((n >> BigInt(112 - 16 * i)) & 0xffffn).toString(16));
  return canonicalIp(groups.join(':'));
}
