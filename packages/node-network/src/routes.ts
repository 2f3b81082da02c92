import { familyOf, type IpFamily, networkAddress, vxlanMac } from './address.js';
import { type IpCommand, IpCommandError, type RouteTo, routeProtocol } from './ip-command.js';
import type { Peer, RouteMode } from './options.js';

/** A route to one pod CIDR of a peer. */
export interface PeerRoute {
  cidr: string;
  via: string;
  /** The peer's InternalIP. */
  peerIp: string;
  kind: 'host-gw' | 'vxlan';
}

/**
 * Decides how each peer's pods are reached. `isOnLink` tells whether an address is on a directly connected subnet.
 * A plain route needs the peer's address of the pod CIDR's family; VXLAN carries both families between the addresses of
 * one, that of this node's address (`underlay`), for there is one device.
 */
export async function planRoutes(
  peers: Peer[],
  mode: RouteMode,
  underlay: IpFamily,
  isOnLink: (ip: string) => Promise<boolean>,
): Promise<PeerRoute[]> {
  const routes: PeerRoute[] = [];
  for (const peer of peers) {
    for (const cidr of peer.podCidrs) {
      const same = peer.ips.find((ip) => familyOf(ip) === familyOf(cidr));
      if (same && (mode === 'host-gw' || (mode === 'auto' && (await isOnLink(same))))) {
        routes.push({ cidr, via: same, peerIp: same, kind: 'host-gw' });
        continue;
      }
      // Without an address of the family a plain route is not to be had; nor, over the tunnel, without one of its own.
      const peerIp = peer.ips.find((ip) => familyOf(ip) === underlay);
      if (peerIp && mode !== 'host-gw') routes.push({ cidr, via: networkAddress(cidr), peerIp, kind: 'vxlan' });
    }
  }
  return routes;
}

/** True if the kernel would send to the address straight over a link, without a gateway. */
export async function isOnLink(ip: IpCommand, address: string): Promise<boolean> {
  try {
    const [route] = await ip.json<RouteTo>('route', 'get', address);
    return route !== undefined && route.gateway === undefined && route.type !== 'local';
  } catch (e) {
    // Unreachable now; VXLAN needs a route as well, and either is set anew when it can be.
    if (e instanceof IpCommandError) return false;
    throw e;
  }
}

interface KernelRoute {
  dst: string;
  gateway?: string;
  dev?: string;
}

/** Routes of ours in the kernel, known by their protocol number. */
export async function ownRoutes(ip: IpCommand, family: '-4' | '-6'): Promise<KernelRoute[]> {
  return ip.json<KernelRoute>(family, 'route', 'show', 'proto', String(routeProtocol));
}

/** Makes the kernel's routes of ours equal to the wanted ones; others are not looked at. Returns how many changed. */
export async function applyRoutes(ip: IpCommand, wanted: PeerRoute[], vxlanDevice: string): Promise<number> {
  let changed = 0;
  for (const flag of ['-4', '-6'] as const) {
    const family = flag === '-4' ? 'ipv4' : 'ipv6';
    const mine = wanted.filter((r) => familyOf(r.cidr) === family);
    const kernel = await ownRoutes(ip, flag);
    for (const r of kernel) {
      if (mine.some((w) => w.cidr === r.dst)) continue;
      await ip.run('ip', flag, 'route', 'del', r.dst, 'proto', String(routeProtocol));
      changed++;
    }
    for (const w of mine) {
      const now = kernel.find((r) => r.dst === w.cidr);
      const isVxlan = w.kind === 'vxlan';
      if (now?.gateway === w.via && (now.dev === vxlanDevice) === isVxlan) continue;
      // onlink: the gateway, a peer's network address, is in no subnet of this node; its neighbour entry is ours.
      const over = isVxlan ? ['dev', vxlanDevice, 'onlink'] : [];
      await ip.run('ip', flag, 'route', 'replace', w.cidr, 'via', w.via, ...over, 'proto', String(routeProtocol));
      changed++;
    }
  }
  return changed;
}

interface Neighbour {
  dst: string;
  lladdr?: string;
}

interface FdbEntry {
  mac: string;
  dst?: string;
}

/**
 * Sets, for each peer behind VXLAN, the neighbour (peer's network address to its device's MAC) and the forwarding
 * entry (MAC to the peer's address), and removes those of peers that are gone. Nothing is learnt from the network.
 */
export async function applyVxlanPeers(ip: IpCommand, routes: PeerRoute[], device: string): Promise<void> {
  const peers = routes.filter((r) => r.kind === 'vxlan');
  const neighbours = await ip.json<Neighbour>('neigh', 'show', 'dev', device, 'nud', 'permanent');
  for (const n of neighbours) {
    if (!peers.some((p) => p.via === n.dst)) await ip.run('ip', 'neigh', 'del', n.dst, 'dev', device);
  }
  const fdb = JSON.parse((await ip.run('bridge', '-j', 'fdb', 'show', 'dev', device)) || '[]') as FdbEntry[];
  for (const f of fdb) {
    const isWanted = peers.some((p) => vxlanMac(p.peerIp) === f.mac && p.peerIp === f.dst);
    if (!isWanted && f.dst) await ip.run('bridge', 'fdb', 'del', f.mac, 'dev', device, 'dst', f.dst);
  }
  for (const p of peers) {
    const mac = vxlanMac(p.peerIp);
    if (!neighbours.some((n) => n.dst === p.via && n.lladdr === mac)) {
      await ip.run('ip', 'neigh', 'replace', p.via, 'lladdr', mac, 'dev', device, 'nud', 'permanent');
    }
    if (!fdb.some((f) => f.mac === mac && f.dst === p.peerIp)) {
      await ip.run('bridge', 'fdb', 'replace', mac, 'dev', device, 'dst', p.peerIp);
    }
  }
}
