import {
  detectBackend,
  Iptables,
  IptablesError,
  Restorer,
  removeChains,
  SyncLoop,
  watchCanary,
} from '@kubelab/node-iptables';
import { familyOf, type IpFamily } from './address.js';
import { cniConfig, removeCniConfig, writeCniConfig } from './cni-config.js';
import { IpCommand, type Link } from './ip-command.js';
import { removeAnnounced } from './load-balancer/link-addresses.js';
import { removeOldAddresses } from './old-addresses.js';
import type { NodeNetworkOptions, Peer } from './options.js';
import { isPolicyChain } from './policy/compile.js';
import { removeSets } from './policy/ipset.js';
import { applyRoutes, applyVxlanPeers, isOnLink, ownRoutes, type PeerRoute, planRoutes } from './routes.js';
import { chain, isNetworkChain, kubeletChains, setNetworkRules } from './rules.js';
import { ensureVxlan, removeVxlan, vxlanOverhead } from './vxlan-device.js';

const defaults = { confName: '10-kubelab.conflist', bridge: 'cni0', vxlanPort: 8472, vxlanId: 1 };
const resyncMs = 30_000;

/** VXLAN device of a bridge: `cni0` has `kubelab.vxlan`, since a node has one of each. */
export const vxlanDeviceName = 'kubelab.vxlan';

/**
 * The pod network of one node. Takes nodes as they come and go, and keeps CNI configuration, routes, VXLAN entries,
 * packet filter rules and sysctls as they should be: at each change, and every 30 s against what others undo.
 */
export class NodeNetwork {
  private readonly ip: IpCommand;
  private readonly restorers = new Map<IpFamily, Restorer>();
  private readonly peers = new Map<string, Peer>();
  private readonly loop: SyncLoop;
  private isHinted = false;
  /** Told of flushes. */
  onFlush: () => void = () => undefined;
  /** Asked whether what others (policies) keep in the packet filter is still there. */
  isIntact: (family: IpFamily) => Promise<boolean> = async () => true;

  private constructor(
    private readonly o: NodeNetworkOptions,
    /** The machine's packet filters by family. */
    readonly iptables: Map<IpFamily, Iptables>,
    private readonly signal: AbortSignal,
  ) {
    this.ip = new IpCommand(o.commandPrefix);
    for (const [family, tool] of iptables) this.restorers.set(family, new Restorer(tool));
    this.loop = new SyncLoop({
      minIntervalMs: 200,
      retryMs: 1000,
      run: () => this.reconcile(),
      onError: (error) => o.logger.error('Setting up the pod network failed', { error }),
      signal,
    });
  }

  /** Finds out the iptables back end. Changes nothing yet. */
  static async create(o: NodeNetworkOptions, signal: AbortSignal): Promise<NodeNetwork> {
    const prefix = o.commandPrefix ?? [];
    const backend = o.backend === undefined || o.backend === 'auto' ? await detectBackend({ prefix }) : o.backend;
    const tools = new Map<IpFamily, Iptables>();
    for (const family of ['ipv4', 'ipv6'] as const) {
      const tool = new Iptables({ family, backend, prefix });
      try {
        await tool.list('nat', 'POSTROUTING');
        tools.set(family, tool);
      } catch (error) {
        if (family === 'ipv4' || !(error instanceof IptablesError)) throw error;
      }
    }
    return new NodeNetwork(o, tools, signal);
  }

  /** A node (this one too) appeared or changed. */
  setPeer(peer: Peer): void {
    const before = this.peers.get(peer.name);
    // Nodes change every few seconds (heartbeats); what is not about the network costs nothing.
    if (before && JSON.stringify(before) === JSON.stringify(peer)) return;
    this.peers.set(peer.name, peer);
    this.loop.trigger();
  }

  removePeer(name: string): void {
    if (this.peers.delete(name)) this.loop.trigger();
  }

  /** Works until the signal. */
  async run(): Promise<void> {
    const timer = setInterval(() => this.loop.trigger(), resyncMs);
    const canaries = [...this.iptables].map(([family, iptables]) =>
      watchCanary({
        iptables,
        chain: chain.canary,
        intervalMs: resyncMs,
        isIntact: async () => ((await this.restorers.get(family)?.isIntact()) ?? true) && (await this.isIntact(family)),
        onFlush: () => {
          this.o.logger.info('The rules were flushed by somebody else, writing all of them again', { family });
          this.isHinted = false;
          this.restorers.get(family)?.forget();
          this.loop.trigger();
          this.onFlush();
        },
        onError: (error) => this.o.logger.error('Looking for the canary chain failed', { family, error }),
        signal: this.signal,
      }),
    );
    this.loop.trigger();
    await Promise.all([this.loop.start(), ...canaries]);
    clearInterval(timer);
  }

  /** Resolves when all that was set before this call is in place (or nothing can be yet: no pod CIDR). */
  settled(): Promise<void> {
    return this.loop.settled();
  }

  /** True once the CNI configuration could be written. */
  get isReady(): boolean {
    return (this.peers.get(this.o.nodeName)?.podCidrs.length ?? 0) > 0;
  }

  /** One pass; each step is idempotent. */
  private async reconcile(): Promise<void> {
    const own = this.peers.get(this.o.nodeName);
    if (!own || own.podCidrs.length === 0) {
      this.o.logger.info('Waiting for a pod CIDR', { node: this.o.nodeName });
      return;
    }
    await this.sysctls(own);
    const others = [...this.peers.values()].filter((p) => p.name !== own.name);
    const underlay = familyOf(this.o.nodeIp);
    const routes = await planRoutes(others, this.o.mode ?? 'auto', underlay, (ip) => isOnLink(this.ip, ip));
    const hasVxlan = this.o.mode === 'vxlan' || routes.some((r) => r.kind === 'vxlan');
    await this.applyRules(own, others);
    await this.leaveOldNetwork(own);
    await this.applyRouting(own, routes, hasVxlan);
    await this.applyCni(own, hasVxlan);
  }

  private async sysctls(own: Peer): Promise<void> {
    await this.ip.sysctl('net.ipv4.ip_forward=1');
    if (own.podCidrs.some((c) => familyOf(c) === 'ipv6')) await this.ip.sysctl('net.ipv6.conf.all.forwarding=1');
    const bridge = ['net.bridge.bridge-nf-call-iptables=1', 'net.bridge.bridge-nf-call-ip6tables=1'];
    try {
      await this.ip.sysctl(...bridge);
    } catch {
      // The module makes these settings; where it is built in or in a namespace, they are there already.
      await this.ip.run('modprobe', 'br_netfilter');
      await this.ip.sysctl(...bridge);
    }
  }

  private async applyRules(own: Peer, others: Peer[]): Promise<void> {
    for (const [family, restorer] of this.restorers) {
      const ofFamily = (cidrs: string[]) => cidrs.filter((c) => familyOf(c) === family);
      const all = ofFamily([own, ...others].flatMap((p) => p.podCidrs));
      const cluster = ofFamily(this.o.clusterCidrs ?? []);
      setNetworkRules(restorer, {
        podCidrs: ofFamily(own.podCidrs),
        clusterCidrs: cluster.length > 0 ? cluster : all.sort(),
        masquerade: this.o.masquerade ?? true,
        multicast: family === 'ipv4' ? '224.0.0.0/4' : 'ff00::/8',
      });
      if (!this.isHinted) {
        const script = kubeletChains.map(([table, name]) => `*${table}\n:${name} - [0:0]\nCOMMIT\n`).join('');
        await this.iptables.get(family)?.restore(script);
        await restorer.adopt(isNetworkChain, ['nat', 'filter']);
      }
      await restorer.apply();
    }
    this.isHinted = true;
  }

  private async leaveOldNetwork(own: Peer): Promise<void> {
    for (const device of [this.o.bridgeName ?? defaults.bridge, vxlanDeviceName]) {
      const removed = await removeOldAddresses(this.ip, device, own.podCidrs, this.o.clusterCidrs ?? []);
      if (removed.length > 0) {
        this.o.logger.warn(
          'This node has another pod CIDR than before: pods with addresses of the old one are cut off',
          {
            device,
            removed,
          },
        );
      }
    }
  }

  private async applyRouting(own: Peer, routes: PeerRoute[], hasVxlan: boolean): Promise<void> {
    if (hasVxlan) {
      await ensureVxlan(this.ip, {
        name: vxlanDeviceName,
        nodeIp: this.o.nodeIp,
        podCidrs: own.podCidrs,
        id: this.o.vxlanId ?? defaults.vxlanId,
        port: this.o.vxlanPort ?? defaults.vxlanPort,
        mtu: (await this.linkMtu()) - vxlanOverhead(this.o.nodeIp),
      });
      await applyVxlanPeers(this.ip, routes, vxlanDeviceName);
    }
    const changed = await applyRoutes(this.ip, routes, vxlanDeviceName);
    if (!hasVxlan) await removeVxlan(this.ip, vxlanDeviceName);
    if (changed > 0) this.o.logger.info('Routes to other nodes changed', { changed, routes: routes.length });
  }

  private async applyCni(own: Peer, hasVxlan: boolean): Promise<void> {
    const text = cniConfig({
      bridgeName: this.o.bridgeName ?? defaults.bridge,
      podCidrs: own.podCidrs,
      mtu: this.o.mtu ?? (await this.linkMtu()) - (hasVxlan ? vxlanOverhead(this.o.nodeIp) : 0),
      ipamDataDir: this.o.ipamDataDir,
    });
    const name = this.o.cniConfName ?? defaults.confName;
    if (await writeCniConfig(this.o.cniConfDir, name, text)) {
      this.o.logger.info('Wrote the CNI configuration', {
        file: `${this.o.cniConfDir}/${name}`,
        podCidrs: own.podCidrs,
      });
    }
  }

  /** MTU of the link that carries this node's address; 1500 if the address is on none (a floating one). */
  private async linkMtu(): Promise<number> {
    const links = await this.ip.json<Link & { addr_info?: { local?: string }[] }>('addr', 'show');
    return links.find((l) => l.addr_info?.some((a) => a.local === this.o.nodeIp))?.mtu ?? 1500;
  }
}

export interface CleanupOptions {
  /** Where the CNI configuration is; absent: it is left where it is. */
  cniConfDir?: string;
  cniConfName?: string;
  bridgeName?: string;
  commandPrefix?: string[];
}

/** Removes all that a NodeNetwork made: routes, devices, chains, configuration. Sysctls stay, others may need them. */
export async function cleanupNodeNetwork(o: CleanupOptions): Promise<void> {
  const ip = new IpCommand(o.commandPrefix);
  if (o.cniConfDir) await removeCniConfig(o.cniConfDir, o.cniConfName ?? defaults.confName);
  for (const flag of ['-4', '-6'] as const) {
    for (const r of await ownRoutes(ip, flag)) await ip.run('ip', flag, 'route', 'del', r.dst);
  }
  for (const device of [vxlanDeviceName, o.bridgeName ?? defaults.bridge]) await removeVxlan(ip, device);
  const names = new Set<string>([...Object.values(chain), ...kubeletChains.map(([, name]) => name)]);
  for (const family of ['ipv4', 'ipv6'] as const) {
    for (const backend of ['nft', 'legacy'] as const) {
      const tool = new Iptables({ family, backend, prefix: o.commandPrefix ?? [] });
      try {
        const inUse = [...(await tool.save()).matchAll(/^\*(\S+)$/gm)].map((m) => m[1] ?? '');
        await removeChains(tool, (table, name) => names.has(name) || isPolicyChain(table, name), inUse);
      } catch (error) {
        // A back end that this machine does not have.
        if (!(error instanceof IptablesError) || error.isLocked) throw error;
      }
    }
  }
  await removeSets(o.commandPrefix);
  await removeAnnounced(ip);
}
