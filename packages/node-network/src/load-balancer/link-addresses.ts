import { contains, familyOf } from '../address.js';
import type { IpCommand } from '../ip-command.js';

/** By which addresses of ours are found again: a label (IPv4), or the metric of their route (IPv6 has no labels). */
const metric = 171_171;
/**
 * An address that nobody renews goes away by itself, so that a node whose agent died does not answer for ever for what
 * the others took over: after Kubernetes' node-monitor-grace-period (40 s), with some to spare.
 */
const lifetimeSeconds = 60;

interface AddressInfo {
  family: 'inet' | 'inet6';
  local?: string;
  prefixlen?: number;
  label?: string;
  metric?: number;
}

interface LinkInfo {
  ifname: string;
  address: string;
  addr_info: AddressInfo[];
}

/** A link of this node with one of the node's own addresses. */
export interface NodeLink {
  device: string;
  mac: string;
  /** Subnets of the node's own addresses, as `ADDRESS/LENGTH`. */
  subnets: string[];
  /** Load balancer addresses that are held there. */
  held: string[];
}

/** Label of the addresses that are ours, by which they are found again. At most 15 bytes. */
export function announceLabel(device: string): string {
  return `${device.slice(0, 11)}:klb`;
}

const isOurs = (device: string, a: AddressInfo) =>
  a.family === 'inet' ? a.label === announceLabel(device) : a.metric === metric && a.prefixlen === 128;

/** The links that carry an address of the node. Throws if there is none. */
export async function nodeLinks(ip: IpCommand, nodeIps: string[]): Promise<NodeLink[]> {
  const links = await ip.json<LinkInfo>('addr', 'show');
  const found = links
    .map((l) => ({
      device: l.ifname,
      mac: l.address,
      subnets: l.addr_info.filter((a) => nodeIps.includes(a.local ?? '')).map((a) => `${a.local}/${a.prefixlen}`),
      held: l.addr_info.filter((a) => isOurs(l.ifname, a)).map((a) => a.local ?? ''),
    }))
    .filter((l) => l.subnets.length > 0);
  if (found.length === 0) throw new Error(`no link has this node's address ${nodeIps.join(' or ')}`);
  return found;
}

/** The link on which an address can be announced: where it is in the subnet of an address of the node. */
export function linkFor(links: NodeLink[], address: string): { link: NodeLink; subnet: string } | undefined {
  for (const link of links) {
    const subnet = link.subnets.find((s) => contains(s, address));
    if (subnet) return { link, subnet };
  }
  return undefined;
}

/** Line for `ip -batch` that sets the address, or renews it. `isShort`: it goes away by itself when it is not renewed. */
export function holdLine(device: string, address: string, isShort: boolean): string {
  const valid = `valid_lft ${isShort ? lifetimeSeconds : 'forever'}`;
  if (familyOf(address) === 'ipv4') {
    const preferred = valid.replace('valid', 'preferred');
    return `addr replace ${address}/32 dev ${device} label ${announceLabel(device)} ${valid} ${preferred}`;
  }
  // Deprecated from the start, so that the node's own connections do not come from it.
  return `addr replace ${address}/128 dev ${device} nodad ${valid} preferred_lft 0 metric ${metric}`;
}

export function dropLine(device: string, address: string): string {
  return `addr del ${address}/${familyOf(address) === 'ipv6' ? 128 : 32} dev ${device}`;
}

/**
 * Tells the link unasked of all addresses of a device: by gratuitous ARP and unsolicited neighbour advertisements,
 * which the kernel sends when the link's address is set (to what it is).
 */
export async function tellLink(ip: IpCommand, link: NodeLink): Promise<void> {
  await ip.sysctl(`net.ipv4.conf.${link.device}.arp_notify=1`);
  if (link.subnets.some((s) => familyOf(s) === 'ipv6')) await ip.sysctl(`net.ipv6.conf.${link.device}.ndisc_notify=1`);
  await ip.run('ip', 'link', 'set', 'dev', link.device, 'address', link.mac);
}

/** Gives up all announced addresses of this machine or namespace. */
export async function removeAnnounced(ip: IpCommand): Promise<void> {
  for (const l of await ip.json<LinkInfo>('addr', 'show')) {
    const lines = l.addr_info.filter((a) => isOurs(l.ifname, a)).map((a) => dropLine(l.ifname, a.local ?? ''));
    if (lines.length > 0) await ip.batch(lines);
  }
}
