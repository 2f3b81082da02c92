import { BlockList, isIP } from 'node:net';

export type IpFamily = 'ipv4' | 'ipv6';

/** Family of an address or CIDR. Throws for what is neither. */
export function familyOf(address: string): IpFamily {
  const v = isIP(address.split('/')[0] ?? '');
  if (v === 0) throw new Error(`not an IP address or CIDR: ${JSON.stringify(address)}`);
  return v === 4 ? 'ipv4' : 'ipv6';
}

export function contains(cidr: string, ip: string): boolean {
  if (familyOf(cidr) !== familyOf(ip)) return false;
  const [net = '', length] = cidr.split('/');
  const list = new BlockList();
  list.addSubnet(net, Number(length), familyOf(cidr));
  return list.check(ip, familyOf(ip));
}

/** The network's own address: `10.244.3.0` of `10.244.3.0/24`. A node's VXLAN device carries it. */
export function networkAddress(cidr: string): string {
  return cidr.split('/')[0] ?? '';
}

/** A stable, locally administered MAC for a node's VXLAN device, derived from the address the device carries. */
export function vxlanMac(nodeIp: string): string {
  let h = 0xcbf29ce484222325n;
  for (const c of Buffer.from(nodeIp)) h = ((h ^ BigInt(c)) * 0x100000001b3n) & 0xffffffffffffffffn;
  const bytes = [0x0a, ...[0, 1, 2, 3, 4].map((i) => Number((h >> BigInt(8 * i)) & 0xffn))];
  return bytes.map((b) => b.toString(16).padStart(2, '0')).join(':');
}
