import { createHash } from 'node:crypto';
import type { V1EndpointSlice, V1Node, V1Service } from '@kubelab/api';
import type { Logger } from '@kubelab/component-base';
import { SyncLoop } from '@kubelab/node-iptables';
import { contains, familyOf } from '../address.js';
import { IpCommand } from '../ip-command.js';

/** Services with another class belong to another load balancer. */
export const loadBalancerClass = 'kubelab.io/load-balancer';
const excludeLabel = 'node.kubernetes.io/exclude-from-external-load-balancers';
const resyncMs = 10_000;
const notifyAtMs = [0, 1200, 3000];

export interface AnnouncerOptions {
  nodeName: string;
  nodeIp: string;
  commandPrefix?: string[];
  logger: Logger;
  signal: AbortSignal;
}

interface LinkAddresses {
  ifname: string;
  address: string;
  addr_info: { local?: string; prefixlen?: number; label?: string }[];
}

/**
 * Answers on the link for load balancer addresses (layer 2, IPv4): of the nodes that may take a Service's traffic, one
 * holds its address, chosen by hash so that all nodes agree without talking. The kernel answers ARP for it; kube-proxy's
 * rules take the traffic. When a node goes away the others choose again.
 */
export class Announcer {
  private readonly services = new Map<string, V1Service>();
  private readonly slices = new Map<string, V1EndpointSlice>();
  private readonly nodes = new Map<string, V1Node>();
  private readonly ip: IpCommand;
  private readonly loop: SyncLoop;

  constructor(private readonly o: AnnouncerOptions) {
    this.ip = new IpCommand(o.commandPrefix);
    this.loop = new SyncLoop({
      minIntervalMs: 100,
      retryMs: 1000,
      run: () => this.sync(),
      onError: (error) => o.logger.error('Announcing load balancer addresses failed', { error }),
      signal: o.signal,
    });
  }

  setService(s: V1Service, isGone = false): void {
    const key = keyOf(s);
    const had = this.services.has(key);
    if (!isGone && isOurs(s)) this.services.set(key, s);
    else if (!this.services.delete(key) && !had) return;
    this.loop.trigger();
  }

  setSlice(s: V1EndpointSlice, isGone = false): void {
    const key = keyOf(s);
    if (isGone) this.slices.delete(key);
    else this.slices.set(key, s);
    if (this.services.has(serviceOf(s))) this.loop.trigger();
  }

  setNode(n: V1Node, isGone = false): void {
    const name = n.metadata?.name ?? '';
    const before = this.nodes.get(name);
    if (isGone) this.nodes.delete(name);
    else this.nodes.set(name, n);
    if (isGone || !before || isEligible(before) !== isEligible(n)) this.loop.trigger();
  }

  /** Works until the signal; then gives up its addresses, for another node to take. */
  async run(): Promise<void> {
    const timer = setInterval(() => this.loop.trigger(), resyncMs);
    this.loop.trigger();
    await this.loop.start();
    clearInterval(timer);
    await this.apply(new Set()).catch((error: unknown) => this.o.logger.error('Giving up addresses failed', { error }));
  }

  settled(): Promise<void> {
    return this.loop.settled();
  }

  private async sync(): Promise<void> {
    const mine = new Set<string>();
    const nodeIps = new Set([...this.nodes.values()].flatMap((n) => (n.status?.addresses ?? []).map((a) => a.address)));
    for (const [key, s] of this.services) {
      for (const { ip } of s.status?.loadBalancer?.ingress ?? []) {
        // In node-address mode the addresses are the nodes' own and need no announcing.
        if (!ip || nodeIps.has(ip) || familyOf(ip) !== 'ipv4') continue;
        if (this.holder(key, s, ip) === this.o.nodeName) mine.add(ip);
      }
    }
    await this.apply(mine);
  }

  /** The node that holds an address: rendezvous hashing, so that a node's loss moves only its own addresses. */
  private holder(key: string, s: V1Service, ip: string): string | undefined {
    let candidates = [...this.nodes.values()].filter(isEligible).map((n) => n.metadata?.name ?? '');
    if (s.spec?.externalTrafficPolicy === 'Local') {
      const slices = [...this.slices.values()].filter((x) => serviceOf(x) === key);
      const withEndpoint = new Set(
        slices.flatMap((x) => (x.endpoints ?? []).filter((e) => e.conditions?.ready !== false).map((e) => e.nodeName)),
      );
      candidates = candidates.filter((n) => withEndpoint.has(n));
    }
    const weight = (node: string) => createHash('sha256').update(`${node} ${ip}`).digest('hex');
    return candidates.sort((a, b) => (weight(a) < weight(b) ? 1 : -1))[0];
  }

  /** Makes the addresses with our label those wanted. Addresses that are not on the link can't be announced there. */
  private async apply(wanted: Set<string>): Promise<void> {
    // Not `-4`, which leaves the link's own address out.
    const links = await this.ip.json<LinkAddresses>('addr', 'show');
    const link = links.find((l) => l.addr_info.some((a) => a.local === this.o.nodeIp));
    const own = link?.addr_info.find((a) => a.local === this.o.nodeIp);
    if (!link || !own) throw new Error(`no link has this node's address ${this.o.nodeIp}`);
    const label = announceLabel(link.ifname);
    const held = new Set(link.addr_info.filter((a) => a.label === label).map((a) => a.local ?? ''));
    const subnet = `${own.local}/${own.prefixlen}`;
    for (const ip of held) {
      if (!wanted.has(ip)) await this.ip.run('ip', 'addr', 'del', `${ip}/32`, 'dev', link.ifname);
    }
    const added: string[] = [];
    for (const ip of wanted) {
      if (held.has(ip) || !contains(subnet, ip)) continue;
      await this.ip.run('ip', 'addr', 'add', `${ip}/32`, 'dev', link.ifname, 'label', label);
      added.push(ip);
    }
    if (added.length === 0) return;
    this.o.logger.info('Announcing load balancer addresses', { addresses: added, device: link.ifname });
    this.notify(link);
  }

  /**
   * Neighbours may remember another node for the new addresses: setting the link's address (to what it is) with
   * arp_notify on makes the kernel tell all its addresses unasked (gratuitous ARP). Repeated, for packets get lost and
   * Linux ignores a change within a second of the last (neigh locktime).
   */
  private notify(link: LinkAddresses): void {
    const tell = async () => {
      await this.ip.sysctl(`net.ipv4.conf.${link.ifname}.arp_notify=1`);
      await this.ip.run('ip', 'link', 'set', 'dev', link.ifname, 'address', link.address);
    };
    for (const ms of notifyAtMs) {
      const timer = setTimeout(() => {
        if (this.o.signal.aborted) return;
        tell().catch((error: unknown) => this.o.logger.error('Telling the link of new addresses failed', { error }));
      }, ms);
      timer.unref();
    }
  }
}

/** Label of the addresses that are ours, by which they are found again. At most 15 bytes. */
export function announceLabel(device: string): string {
  return `${device.slice(0, 11)}:klb`;
}

/** Gives up all announced addresses of this machine or namespace. */
export async function removeAnnounced(ip: IpCommand): Promise<void> {
  for (const l of await ip.json<LinkAddresses>('-4', 'addr', 'show')) {
    for (const a of l.addr_info.filter((x) => x.label === announceLabel(l.ifname))) {
      await ip.run('ip', 'addr', 'del', `${a.local}/32`, 'dev', l.ifname);
    }
  }
}

function isOurs(s: V1Service): boolean {
  const c = s.spec?.loadBalancerClass;
  return s.spec?.type === 'LoadBalancer' && (c === undefined || c === loadBalancerClass);
}

function isEligible(n: V1Node): boolean {
  const ready = n.status?.conditions?.find((c) => c.type === 'Ready')?.status === 'True';
  return ready && n.metadata?.labels?.[excludeLabel] === undefined && n.metadata?.deletionTimestamp === undefined;
}

function serviceOf(s: V1EndpointSlice): string {
  return `${s.metadata?.namespace ?? ''}/${s.metadata?.labels?.['kubernetes.io/service-name'] ?? ''}`;
}

function keyOf(o: { metadata?: { namespace?: string; name?: string } }): string {
  return `${o.metadata?.namespace ?? ''}/${o.metadata?.name ?? ''}`;
}
