import { familyOf, networkAddress, vxlanMac } from './address.js';
import type { IpCommand } from './ip-command.js';

export interface VxlanDevice {
  name: string;
  nodeIp: string;
  podCidrs: string[];
  id: number;
  port: number;
  mtu: number;
}

/** Bytes that VXLAN puts around a packet: outer IP header, UDP, VXLAN and inner Ethernet. */
export function vxlanOverhead(nodeIp: string): number {
  return familyOf(nodeIp) === 'ipv6' ? 70 : 50;
}

/**
 * Makes the VXLAN device, or makes it anew if it is not as wanted. It carries the network address of the node's pod
 * CIDR, so that packets of the node itself to remote pods have a source that the other side can answer.
 */
export async function ensureVxlan(ip: IpCommand, d: VxlanDevice): Promise<void> {
  const mac = vxlanMac(d.nodeIp);
  const link = await ip.link(d.name);
  const data = link?.linkinfo?.info_data;
  const isRight =
    link?.address === mac && data?.id === d.id && data.port === d.port && (data.local ?? data.local6) === d.nodeIp;
  if (link && !isRight) await ip.run('ip', 'link', 'del', d.name);
  if (!isRight) {
    const how = ['type', 'vxlan', 'id', String(d.id), 'dstport', String(d.port), 'local', d.nodeIp, 'nolearning'];
    await ip.run('ip', 'link', 'add', d.name, 'address', mac, ...how);
  }
  // No addresses of the link itself: router advertisements and multicast have nowhere to go.
  await ip.run('ip', 'link', 'set', d.name, 'mtu', String(d.mtu), 'addrgenmode', 'none', 'up');
  for (const cidr of d.podCidrs) {
    const v6 = familyOf(cidr) === 'ipv6';
    await ip.run(
      'ip',
      'addr',
      'replace',
      `${networkAddress(cidr)}/${v6 ? 128 : 32}`,
      'dev',
      d.name,
      ...(v6 ? ['nodad'] : []),
    );
  }
}

export async function removeVxlan(ip: IpCommand, name: string): Promise<void> {
  if (await ip.link(name)) await ip.run('ip', 'link', 'del', name);
}
