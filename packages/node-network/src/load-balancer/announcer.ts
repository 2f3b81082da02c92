import type { V1EndpointSlice, V1Node, V1Service } from '@kubelab/api';
import type { Logger } from '@kubelab/component-base';
import { SyncLoop } from '@kubelab/node-iptables';
import { IpCommand } from '../ip-command.js';
import { type Candidate, internalIps, isEligible, isOurs, nodesWithEndpoint, rankCandidates } from './holders.js';
import { dropLine, holdLine, linkFor, type NodeLink, nodeLinks, tellLink } from './link-addresses.js';
import { NeighbourWatch, type Watched } from './neighbour-watch.js';

const resyncMs = 10_000;
const watchMs = 1000;
/** The last ones are for a node that comes back: who stood in for it may take some seconds to notice. */
const notifyAtMs = [0, 1200, 3000, 6000, 10_000];
/** The best node for an address holds it; so many after it watch whether it still answers. */
const watchers = 2;

export interface AnnouncerOptions {
  nodeName: string;
  nodeIp: string;
  commandPrefix?: string[];
  logger: Logger;
  signal: AbortSignal;
}

/** An address that this node may hold. */
interface Turn {
  address: string;
  link: NodeLink;
  ranked: Candidate[];
  /** This node's place in `ranked`: 0 holds the address. */
  rank: number;
}

/**
 * Answers on the link for load balancer addresses (layer 2): of the nodes that may take a Service's traffic, one holds
 * its address, chosen by hash so that all nodes agree without talking. The kernel answers ARP and neighbour discovery
 * for it; kube-proxy's rules take the traffic.
 *
 * When a node goes away the others choose again: at once when the API server says so, and after a few seconds of its
 * silence on the link when that is earlier. A node takes over an address only while none of the nodes before it
 * answers and nobody answers for the address itself (all of which it knows only while its own cable is in); it gives it back as soon as one of them
 * answers again. An agent that ends leaves its addresses where they are, for the next one; see `holdLine`.
 */
export class Announcer {
  private readonly services = new Map<string, V1Service>();
  private readonly slices = new Map<string, V1EndpointSlice>();
  private readonly nodes = new Map<string, V1Node>();
  private readonly ip: IpCommand;
  private readonly neighbours: NeighbourWatch;
  private readonly loop: SyncLoop;

  constructor(private readonly o: AnnouncerOptions) {
    this.ip = new IpCommand(o.commandPrefix);
    this.neighbours = new NeighbourWatch(this.ip);
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
    if (this.services.get(serviceOf(s))?.spec?.externalTrafficPolicy === 'Local') this.loop.trigger();
  }

  setNode(n: V1Node, isGone = false): void {
    const name = n.metadata?.name ?? '';
    const before = this.nodes.get(name);
    if (isGone) this.nodes.delete(name);
    else this.nodes.set(name, n);
    const facts = (x: V1Node) => `${isEligible(x)} ${internalIps(x).join()}`;
    if (isGone || !before || facts(before) !== facts(n)) this.loop.trigger();
  }

  /** Works until the signal. */
  async run(): Promise<void> {
    const resync = setInterval(() => this.loop.trigger(), resyncMs);
    this.loop.trigger();
    await Promise.all([this.loop.start(), this.watchNeighbours()]);
    clearInterval(resync);
  }

  settled(): Promise<void> {
    return this.loop.settled();
  }

  private async watchNeighbours(): Promise<void> {
    const { signal, logger } = this.o;
    while (!signal.aborted) {
      await new Promise<void>((resolve) => {
        const end = () => {
          clearTimeout(timer);
          signal.removeEventListener('abort', end);
          resolve();
        };
        const timer = setTimeout(end, watchMs);
        signal.addEventListener('abort', end);
      });
      if (this.neighbours.isIdle || signal.aborted) continue;
      try {
        if (await this.neighbours.tick()) this.loop.trigger();
      } catch (error) {
        logger.error('Looking for the holders of load balancer addresses failed', { error });
      }
    }
  }

  private async sync(): Promise<void> {
    if (this.services.size === 0 && !this.hasHeld) return;
    const own = this.nodes.get(this.o.nodeName);
    const links = await nodeLinks(this.ip, [...new Set([this.o.nodeIp, ...(own ? internalIps(own) : [])])]);
    const turns = this.turns(links);
    const mine = turns.filter((t) => this.isMine(t));
    this.watch(turns, mine);
    await this.apply(links, mine);
  }

  /** False once nothing is held any more, for an agent in a cluster without load balancers to rest. */
  private hasHeld = true;

  /** The addresses that this node can announce and may have to. */
  private turns(links: NodeLink[]): Turn[] {
    const nodes = [...this.nodes.values()];
    const nodeIps = new Set(nodes.flatMap((n) => (n.status?.addresses ?? []).map((a) => a.address)));
    const turns = new Map<string, Turn>();
    for (const [key, s] of this.services) {
      const among = s.spec?.externalTrafficPolicy === 'Local' ? nodesWithEndpoint(this.slicesOf(key)) : undefined;
      for (const { ip: address } of s.status?.loadBalancer?.ingress ?? []) {
        // In node-address mode the addresses are the nodes' own and need no announcing.
        if (!address || nodeIps.has(address)) continue;
        const at = linkFor(links, address);
        if (!at) continue;
        const ranked = rankCandidates(address, at.subnet, nodes, among);
        const rank = ranked.findIndex((c) => c.node === this.o.nodeName);
        if (rank >= 0) turns.set(address, { address, link: at.link, ranked, rank });
      }
    }
    return [...turns.values()];
  }

  private isMine({ address, link, ranked, rank }: Turn): boolean {
    if (rank === 0) return true;
    if (rank > watchers) return false;
    const isSilent = (ip: string) => this.neighbours.presenceOf(ip) === 'silent';
    if (!ranked.slice(0, rank).every((c) => isSilent(c.nodeIp))) return false;
    return link.held.includes(address) || isSilent(address);
  }

  /** The nodes before this one, for their addresses; the next one, to learn of a cut; addresses whose holder is silent. */
  private watch(turns: Turn[], mine: Turn[]): void {
    const wanted = new Map<string, Watched>();
    for (const t of turns) {
      if (t.rank > watchers) continue;
      const device = t.link.device;
      const before = t.ranked.slice(0, t.rank);
      const next = t.ranked.slice(t.rank + 1, t.rank + 2);
      for (const c of [...before, ...next]) wanted.set(c.nodeIp, { address: c.nodeIp, device });
      const isDoubtful = before.length > 0 && before.every((c) => this.neighbours.presenceOf(c.nodeIp) !== 'there');
      if (isDoubtful && !mine.includes(t)) wanted.set(t.address, { address: t.address, device });
    }
    const wasCut = this.isCut;
    this.neighbours.watch([...wanted.values()]);
    const nodes = [...wanted.keys()].filter((ip) => !turns.some((t) => t.address === ip));
    this.isCut = nodes.length > 0 && nodes.every((ip) => this.neighbours.presenceOf(ip) !== 'there');
    this.isBack ||= wasCut && !this.isCut;
  }

  /** No other node answers: they are away, or this one is, and another may take its addresses meanwhile. */
  private isCut = false;
  private isBack = false;

  /** Makes the addresses of ours on the links those of `mine`, and tells the link of what is new. */
  private async apply(links: NodeLink[], mine: Turn[]): Promise<void> {
    for (const link of links) {
      const wanted = mine.filter((t) => t.link === link);
      const dropped = link.held.filter((address) => !wanted.some((t) => t.address === address));
      const added = wanted.map((t) => t.address).filter((address) => !link.held.includes(address));
      const lines = [
        ...dropped.map((address) => dropLine(link.device, address)),
        ...wanted.map((t) => holdLine(link.device, t.address, t.ranked.length > 1)),
      ];
      if (lines.length > 0) await this.ip.batch(lines);
      if (added.length > 0 || (this.isBack && wanted.length > 0)) this.notify(link);
      if (added.length === 0 && dropped.length === 0) continue;
      const takenOver = wanted.filter((t) => t.rank > 0 && added.includes(t.address)).map((t) => t.address);
      this.o.logger.info('Load balancer addresses changed', { added, takenOver, dropped, device: link.device });
    }
    this.isBack = false;
    this.hasHeld = mine.length > 0;
  }

  /** Repeated, for packets get lost and Linux ignores a change within a second of the last (neigh locktime). */
  private notify(link: NodeLink): void {
    for (const ms of notifyAtMs) {
      const timer = setTimeout(() => {
        if (this.o.signal.aborted) return;
        tellLink(this.ip, link).catch((error: unknown) =>
          this.o.logger.error('Telling the link of new addresses failed', { error }),
        );
      }, ms);
      timer.unref();
    }
  }

  private slicesOf(key: string): V1EndpointSlice[] {
    return [...this.slices.values()].filter((s) => serviceOf(s) === key);
  }
}

function serviceOf(s: V1EndpointSlice): string {
  return `${s.metadata?.namespace ?? ''}/${s.metadata?.labels?.['kubernetes.io/service-name'] ?? ''}`;
}

function keyOf(o: { metadata?: { namespace?: string; name?: string } }): string {
  return `${o.metadata?.namespace ?? ''}/${o.metadata?.name ?? ''}`;
}
