import type { Server } from 'node:http';
import { setTimeout as delay } from 'node:timers/promises';
import type { V1EndpointSlice, V1Node, V1Service } from '@kubelab/api';
import type { Logger } from '@kubelab/component-base';
import { detectBackend, Iptables, Restorer, SyncLoop, watchCanary } from '@kubelab/node-iptables';
import { cleanupIptables } from './cleanup.js';
import { cleanFlows } from './conntrack.js';
import { FamilyProxier, type LocalHealth, type Programmer } from './family-proxier.js';
import { bind } from './health/bind.js';
import { ProxyHealth, serveProxyHealth } from './health/proxy-health.js';
import { ServiceHealthServers } from './health/service-health.js';
import { chain } from './iptables/names.js';
import type { RuleOptions } from './iptables/options.js';
import { IptablesProgrammer } from './iptables/programmer.js';
import { cleanupIpvs, hasIpvsLeftovers } from './ipvs/cleanup.js';
import { IpvsProgrammer } from './ipvs/programmer.js';
import { checkIpvsSupport, configureIpvs } from './ipvs/support.js';
import { ProxyMetrics } from './metrics.js';
import { familyOf, familyOfCidr } from './model/address.js';
import type { IpFamily } from './model/types.js';
import { NftablesProgrammer, removeNftablesTables } from './nftables/programmer.js';
import { NodePortAddresses } from './node-port-addresses.js';
import type { ProxyOptions } from './options.js';
import { isConntrackLiberal, setRouteLocalnet, usesLocalhostNodePorts } from './system.js';

/** Interval of the look whether real servers that were taken out still have connections (kube-proxy's). */
const idleCheckMs = 60_000;
const zoneLabel = 'topology.kubernetes.io/zone';
/** Set by autoscalers on nodes about to go: load balancers should stop sending to them. */
const deletionTaint = 'ToBeDeletedByClusterAutoscaler';

/**
 * The proxy of a node: takes events of Services, EndpointSlices and its own Node from whatever source, and keeps the
 * kernel's rules up to date. Nothing is written before `run`, which is to be called when the source has synced.
 */
export class KubeProxy {
  private readonly families: FamilyProxier[] = [];
  private readonly services = new Map<string, V1Service>();
  private readonly health: ProxyHealth;
  private readonly healthServers: ServiceHealthServers;
  private readonly nodePortAddresses: NodePortAddresses;
  private readonly loop: SyncLoop;
  private readonly logger: Logger;
  private server: Server | undefined;
  private timers: NodeJS.Timeout[] = [];
  private running: Promise<void>[] = [];
  /** The addresses that node ports of a family answer on, as last programmed. */
  private readonly nodePortsAt = new Map<IpFamily, string>();
  /** An earlier process was in IPVS mode: what it made goes when our own rules are there. */
  private hasIpvsLeftovers = false;

  private constructor(
    private readonly o: ProxyOptions,
    private readonly metrics: ProxyMetrics,
  ) {
    this.logger = o.logger;
    this.health = new ProxyHealth((o.syncPeriodMs ?? 30_000) * 2);
    this.nodePortAddresses = new NodePortAddresses(nodePortAddressesOf(o), o.nodeIPs ?? []);
    this.healthServers = new ServiceHealthServers({
      nodeName: o.nodeName,
      proxyHealth: this.health,
      addresses: () => {
        const all = this.families.map((f) => this.nodePortAddresses.addresses(f.family));
        return all.includes(undefined) ? undefined : all.flatMap((list) => list ?? []);
      },
      logger: this.logger,
      onProblem: (key, message) => {
        const service = this.services.get(key);
        if (service) this.o.onProblem?.(service, message, 'FailedToStartServiceHealthcheck');
      },
    });
    this.loop = new SyncLoop({
      minIntervalMs: o.minSyncPeriodMs ?? 100,
      retryMs: 1000,
      run: () => this.sync(),
      onError: (error) => this.logger.error('Syncing proxy rules failed', { error }),
      signal: o.signal,
    });
  }

  /** Finds out the back end, prepares the families that the machine has, and opens the health port. */
  static async create(o: ProxyOptions): Promise<KubeProxy> {
    const metrics = new ProxyMetrics(o.metrics, o.mode ?? 'iptables');
    const proxy = new KubeProxy(o, metrics);
    metrics.beforeScrape(() => {
      for (const f of proxy.families) f.updateGauges();
    });
    const prefix = o.commandPrefix ?? [];
    if (o.mode === 'ipvs') {
      await checkIpvsSupport(o.ipvs?.scheduler, prefix);
      await configureIpvs(o.ipvs ?? {}, prefix);
    } else proxy.hasIpvsLeftovers = await hasIpvsLeftovers(prefix);
    const backend = o.backend === undefined || o.backend === 'auto' ? await detectBackend({ prefix }) : o.backend;
    // The other mode's rules would take the packets first; connections go on by what conntrack knows.
    if (o.mode === 'nftables') await cleanupIptables(prefix);
    else await removeNftablesTables(prefix);
    for (const family of ['ipv4', 'ipv6'] as const) {
      const iptables = new Iptables({ family, backend, prefix });
      try {
        await iptables.list('nat', 'PREROUTING');
      } catch (error) {
        if (family === 'ipv4') throw error;
        proxy.logger.info('No IPv6 packet filter on this machine, proxying IPv4 only', { error: String(error) });
        continue;
      }
      await proxy.addFamily(family, iptables);
    }
    proxy.logger.info('Proxying', {
      mode: o.mode ?? 'iptables',
      backend,
      families: proxy.families.map((f) => f.family),
    });
    if (o.healthz !== false) {
      const { address, port } = o.healthz ?? { address: '0.0.0.0', port: 10256 };
      const { logger, signal } = o;
      const how = { what: 'health', hardFail: o.bindHardFail ?? false, logger, signal };
      await bind(
        () => serveProxyHealth(proxy.health, address, port),
        how,
        (server) => {
          proxy.server = server;
        },
      );
    }
    return proxy;
  }

  /** A Service appeared or changed. */
  setService(service: V1Service): void {
    const key = keyOf(service);
    this.services.set(key, service);
    for (const f of this.families) f.setService(key, service);
    this.changed();
  }

  removeService(service: V1Service): void {
    const key = keyOf(service);
    this.services.delete(key);
    for (const f of this.families) f.setService(key, undefined);
    this.changed();
  }

  /** A slice appeared or changed. */
  setSlice(slice: V1EndpointSlice): void {
    for (const f of this.families) f.setSlice(slice);
    this.changed();
  }

  removeSlice(slice: V1EndpointSlice): void {
    for (const f of this.families) f.removeSlice(slice);
    this.changed();
  }

  /** This node's own object: its zone decides topology hints, its deletion the health that load balancers see. */
  setNode(node: V1Node): void {
    const isGoing =
      node.metadata?.deletionTimestamp !== undefined || (node.spec?.taints ?? []).some((t) => t.key === deletionTaint);
    this.health.setNodeEligible(!isGoing);
    const zone = node.metadata?.labels?.[zoneLabel];
    if (this.families.map((f) => f.setZone(zone)).includes(true)) this.changed();
  }

  /** The ranges of all ServiceCIDRs; nftables mode drops what goes to an address of theirs that no Service has. */
  setServiceCidrs(cidrs: readonly string[]): void {
    for (const f of this.families) f.setServiceCidrs(cidrs);
    this.changed();
  }

  /** Writes the first full set of rules (taking over what is there) and keeps it up to date until the signal. */
  async run(): Promise<void> {
    this.running.push(this.loop.start());
    this.changed();
    // Addresses of the machine come and go without an event.
    const look = () => {
      if (this.updateNodePortAddresses()) this.changed();
    };
    if (this.o.nodePortAddresses?.length) this.timers.push(setInterval(look, this.o.syncPeriodMs ?? 30_000).unref());
    if (this.o.mode === 'ipvs') this.running.push(this.compareOften());
    const verify = this.o.verifyPeriodMs ?? 900_000;
    if (verify > 0 && this.o.mode !== 'ipvs') this.timers.push(setInterval(() => void this.verify(), verify).unref());
    await Promise.all(this.running);
  }

  /** Resolves when all that was set before this call is in the kernel. */
  settled(): Promise<void> {
    return this.loop.settled();
  }

  /** Closes servers and waits for a sync under way. The rules stay: running connections and new ones go on. */
  async stop(): Promise<void> {
    for (const t of this.timers) clearInterval(t);
    this.server?.close();
    this.server?.closeAllConnections();
    await this.healthServers.stop();
    await Promise.all(this.running);
  }

  /** Whether the kernel is up to date. */
  get isHealthy(): boolean {
    return this.health.isHealthy;
  }

  private changed(): void {
    this.health.queued();
    this.loop.trigger();
  }

  /** Takes over addresses that --nodeport-addresses selects now. Returns whether they changed. */
  private updateNodePortAddresses(): boolean {
    let isChanged = false;
    for (const f of this.families) {
      const addresses = this.nodePortAddresses.addresses(f.family);
      if (this.nodePortsAt.get(f.family) === String(addresses)) continue;
      this.nodePortsAt.set(f.family, String(addresses));
      f.setNodePortAddresses(addresses);
      isChanged = true;
    }
    return isChanged;
  }

  private async sync(): Promise<void> {
    const started = performance.now();
    this.updateNodePortAddresses();
    const results = await Promise.all(this.families.map((f) => f.sync()));
    this.health.updated();
    if (results.some((r) => r.isUnfinished)) this.loop.trigger();
    if (this.hasIpvsLeftovers) await this.removeIpvsLeftovers();
    await this.healthServers.update(this.localHealth());
    const lines = results.reduce((n, r) => n + r.lines, 0);
    const changedChains = results.reduce((n, r) => n + r.changedChains, 0);
    this.logger.debug('Synced proxy rules', { lines, changedChains, ms: Math.round(performance.now() - started) });
  }

  private async removeIpvsLeftovers(): Promise<void> {
    const removed = await cleanupIpvs({
      commandPrefix: this.o.commandPrefix ?? [],
      excludeCidrs: this.o.ipvs?.excludeCidrs ?? [],
      keepShared: this.o.mode !== 'nftables',
    });
    this.hasIpvsLeftovers = false;
    this.logger.info('Removed what the IPVS mode had made', { things: removed });
  }

  private localHealth(): Map<string, LocalHealth> {
    const all = new Map<string, LocalHealth>();
    for (const f of this.families) {
      for (const [key, h] of f.localHealth()) {
        if (h.localEndpoints >= (all.get(key)?.localEndpoints ?? 0)) all.set(key, h);
      }
    }
    return all;
  }

  /**
   * IPVS has nothing whose absence would tell of a foreign change, and node ports need this node's addresses: all is
   * compared at each sync period, or seldomer where that would take more than a hundredth of the time.
   */
  private async compareOften(): Promise<void> {
    const { signal } = this.o;
    for (let pause = this.o.syncPeriodMs ?? 30_000; !signal.aborted; ) {
      await delay(pause, undefined, { signal, ref: false }).catch(() => undefined);
      if (signal.aborted) return;
      const began = performance.now();
      await this.verify();
      pause = Math.max(this.o.syncPeriodMs ?? 30_000, (performance.now() - began) * 100);
    }
  }

  /** Compares the kernel with what was written; what differs is written again. */
  async verify(): Promise<void> {
    for (const f of this.families) {
      try {
        const drift = await f.verify();
        if (drift === 0) continue;
        this.metrics.drift.inc({ ip_family: f.family }, drift);
        this.logger.info('Rules in the kernel differ from what was written, writing them again', { chains: drift });
      } catch (error) {
        this.logger.error('Comparing the rules with the kernel failed', { family: f.family, error });
      }
    }
    this.changed();
  }

  private programmer(iptables: Iptables, options: RuleOptions): Programmer {
    const prefix = this.o.commandPrefix ?? [];
    if (this.o.mode === 'nftables')
      return new NftablesProgrammer(options, prefix, () =>
        this.metrics.cleanupFailures?.inc({ ip_family: options.family }),
      );
    if (this.o.mode !== 'ipvs') return new IptablesProgrammer(new Restorer(iptables, { batchChains: 600 }), options);
    const ipvs = new IpvsProgrammer(new Restorer(iptables), options, this.o.ipvs, prefix);
    const sweep = () =>
      ipvs.sweep().catch((error: unknown) => this.logger.error('Removing idle real servers failed', { error }));
    this.timers.push(setInterval(() => void sweep(), idleCheckMs).unref());
    return ipvs;
  }

  private async addFamily(family: IpFamily, iptables: Iptables): Promise<void> {
    const { o } = this;
    const prefix = o.commandPrefix ?? [];
    const localhostNodePorts = family === 'ipv4' && usesLocalhostNodePorts(o, this.nodePortAddresses);
    if (localhostNodePorts) await setRouteLocalnet(prefix);
    const keepInvalid = await isConntrackLiberal(prefix);
    if (keepInvalid)
      this.logger.info('nf_conntrack_tcp_be_liberal is set: invalid packets are not dropped', { family });
    const options: RuleOptions = {
      family,
      clusterCidr: o.clusterCidrs?.find((c) => familyOfCidr(c) === family),
      localInterface: o.localInterface,
      keepInvalid,
      masqueradeAll: o.masqueradeAll ?? false,
      masqueradeMark: `0x${(2 ** (o.masqueradeBit ?? 14)).toString(16)}`,
      masqueradeRandomFully: true,
      localhostNodePorts,
      nodePortAddresses: this.nodePortAddresses.addresses(family),
      nodeIP: o.nodeIPs?.find((ip) => familyOf(ip) === family),
    };
    const proxier = new FamilyProxier({
      family,
      nodeName: o.nodeName,
      programmer: this.programmer(iptables, options),
      cleanFlows: (targets) => cleanFlows(targets, family, prefix),
      onProblem: (service, message) => o.onProblem?.(service, message),
      metrics: this.metrics,
      logger: this.logger,
    });
    this.families.push(proxier);
    this.nodePortsAt.set(family, String(options.nodePortAddresses));
    if (o.mode === 'nftables') {
      // The table itself is the canary.
      this.timers.push(setInterval(() => void this.verify(), o.syncPeriodMs ?? 30_000).unref());
      return;
    }
    const canary = watchCanary({
      iptables,
      chain: chain.canary,
      intervalMs: o.syncPeriodMs ?? 30_000,
      isIntact: () => proxier.isIntact(),
      onFlush: () => {
        this.logger.info('The rules were flushed by somebody else, writing all of them again', { family });
        proxier.forget();
        this.changed();
      },
      onError: (error) => this.logger.error('Looking for the canary chain failed', { family, error }),
      signal: o.signal,
    });
    this.running.push(
      canary.catch((error: unknown) => this.logger.error('Watching the canary chain failed', { error })),
    );
  }
}

/** As kube-proxy, nftables mode opens node ports on the node's own addresses alone unless it is told otherwise. */
function nodePortAddressesOf(o: ProxyOptions): string[] {
  const given = o.nodePortAddresses ?? [];
  return given.length === 0 && o.mode === 'nftables' && o.nodeIPs?.length ? ['primary'] : given;
}

function keyOf(s: V1Service): string {
  return `${s.metadata?.namespace ?? ''}/${s.metadata?.name ?? ''}`;
}
