import type { V1EndpointSlice, V1Service } from '@kubelab/api';
import type { Logger } from '@kubelab/component-base';
import { type FlowTarget, needsCleanup } from './conntrack.js';
import type { ProgramResult } from './iptables/programmer.js';
import type { ProxyMetrics } from './metrics.js';
import { familyOfCidr } from './model/address.js';
import { type CategorizedEndpoints, categorize, type Topology } from './model/categorize.js';
import { portEndpoints, sliceService } from './model/endpoints.js';
import { servicePorts } from './model/service.js';
import type { IpFamily, ServicePort } from './model/types.js';

/** What writes service ports into the kernel: iptables or nftables. */
export interface Programmer {
  set(port: ServicePort, endpoints: CategorizedEndpoints): void;
  remove(key: string): void;
  apply(): Promise<ProgramResult>;
  verify(): Promise<number>;
  /** A cheap look whether somebody flushed rules; absent where `verify` is as cheap. */
  isIntact?(): Promise<boolean>;
  forget(): void;
  /** Other local addresses answer on node ports from now on; undefined: all. */
  setNodePortAddresses?(addresses: readonly string[] | undefined): void;
  /** The ranges of cluster IPs changed; what goes to their other addresses is dropped. */
  setServiceCidrs?(cidrs: readonly string[]): void;
  /** Rules by table: for the metric of iptables mode. */
  ruleCount?(): Record<string, number>;
}

export interface FamilyProxierOptions {
  family: IpFamily;
  nodeName: string;
  programmer: Programmer;
  /** Deletes the flows to these ports that lead to none of their endpoints. */
  cleanFlows(targets: FlowTarget[]): Promise<unknown>;
  /** A Service, or part of it, can't be programmed. */
  onProblem(service: V1Service, message: string): void;
  metrics: ProxyMetrics;
  logger: Logger;
}

/** Local ready endpoints of a Service with a health check node port. */
export interface LocalHealth {
  port: number;
  localEndpoints: number;
}

interface ProgrammedPort {
  port: ServicePort;
  endpoints: CategorizedEndpoints;
  /** Addresses of endpoints that serve, for protocols whose flows must be cleaned. */
  serving: ReadonlySet<string>;
}

const nobody: ReadonlySet<string> = new Set();

interface State {
  service: V1Service | undefined;
  slices: Map<string, V1EndpointSlice>;
  /** Ports programmed, by key. */
  ports: Map<string, ProgrammedPort>;
}

const triggerTime = 'endpoints.kubernetes.io/last-change-trigger-time';

/**
 * Services and EndpointSlices of one address family, turned into service ports for a programmer. Events only mark
 * a Service as changed; `sync` computes those alone, so that one change costs one Service's work.
 */
export class FamilyProxier {
  private readonly states = new Map<string, State>();
  private readonly dirty = new Set<string>();
  /** Services with a health check node port. */
  private readonly withHealthPort = new Set<string>();
  /** Ports of connectionless protocols that changed, by key: their flows have to be looked at. */
  private readonly flows = new Map<string, FlowTarget>();
  private triggers: number[] = [];
  private topology: Topology;
  private isFull = true;
  /** Ranges of cluster IPs that the programmer was not told of yet. */
  private newServiceCidrs: readonly string[] | undefined;

  constructor(private readonly o: FamilyProxierOptions) {
    this.topology = { nodeName: o.nodeName, zone: undefined };
  }

  get family(): IpFamily {
    return this.o.family;
  }

  /** A Service appeared, changed, or (`undefined`) went away. */
  setService(key: string, service: V1Service | undefined): void {
    this.state(key).service = service;
    this.touch(key);
    this.o.metrics.serviceChanges.inc({ ip_family: this.family });
  }

  /** A slice appeared or changed. */
  setSlice(slice: V1EndpointSlice): void {
    const key = sliceService(slice);
    if (!key) return;
    this.state(key).slices.set(slice.metadata?.name ?? '', slice);
    const at = Date.parse(slice.metadata?.annotations?.[triggerTime] ?? '');
    if (!Number.isNaN(at) && !this.isFull) this.triggers.push(at);
    this.touch(key);
    this.o.metrics.endpointChanges.inc({ ip_family: this.family });
  }

  removeSlice(slice: V1EndpointSlice): void {
    const key = sliceService(slice);
    if (!key) return;
    this.states.get(key)?.slices.delete(slice.metadata?.name ?? '');
    this.touch(key);
    this.o.metrics.endpointChanges.inc({ ip_family: this.family });
  }

  /** This node's zone changed: every Service may use other endpoints. Returns whether there is anything to sync. */
  setZone(zone: string | undefined): boolean {
    if (this.topology.zone === zone) return false;
    this.topology = { ...this.topology, zone };
    for (const key of this.states.keys()) this.touch(key);
    return true;
  }

  /** Brings the kernel up to date. Throws if the tools fail; what was to be done is then still to be done. */
  async sync(): Promise<ProgramResult> {
    const labels = { ip_family: this.family };
    const { metrics } = this.o;
    const started = performance.now();
    const keys = [...this.dirty];
    const triggers = this.triggers;
    this.triggers = [];
    this.dirty.clear();
    for (const key of keys) this.compute(key);
    if (this.newServiceCidrs) this.o.programmer.setServiceCidrs?.(this.newServiceCidrs);
    this.newServiceCidrs = undefined;
    let result: ProgramResult;
    try {
      result = await this.o.programmer.apply();
    } catch (error) {
      metrics.syncFailures.inc(labels);
      if (!this.isFull) metrics.partialRestoreFailures?.inc(labels);
      this.triggers.push(...triggers);
      throw error;
    }
    for (const { key, error } of result.refused) this.complain(key, error.message);
    const seconds = (performance.now() - started) / 1000;
    metrics.syncDuration.observe(labels, seconds);
    (this.isFull ? metrics.fullSyncDuration : metrics.partialSyncDuration).observe(labels, seconds);
    metrics.lastSync.set(labels, Date.now() / 1000);
    metrics.serviceChangesPending.set(labels, this.dirty.size);
    metrics.endpointChangesPending.set(labels, this.dirty.size);
    metrics.rulesLast?.set({ table: 'nat', ...labels }, result.lines);
    for (const at of triggers) metrics.networkProgramming.observe(labels, (Date.now() - at) / 1000);
    this.isFull = false;
    await this.cleanConntrack();
    return result;
  }

  /** Services with a health check node port and their local endpoints, as of the last sync. */
  localHealth(): Map<string, LocalHealth> {
    const out = new Map<string, LocalHealth>();
    for (const key of this.withHealthPort) {
      const ports = [...(this.states.get(key)?.ports.values() ?? [])].filter((p) => p.port.healthCheckNodePort !== 0);
      const first = ports[0];
      if (!first) continue;
      const local = new Set(ports.flatMap((p) => p.endpoints.local.filter((e) => e.ready).map((e) => e.ip)));
      out.set(key, { port: first.port.healthCheckNodePort, localEndpoints: local.size });
    }
    return out;
  }

  /** Other local addresses answer on node ports from now on; undefined: all. */
  setNodePortAddresses(addresses: readonly string[] | undefined): void {
    this.o.programmer.setNodePortAddresses?.(addresses);
  }

  /** The ranges of cluster IPs, those of other families among them; none: not known. */
  setServiceCidrs(cidrs: readonly string[]): void {
    this.newServiceCidrs = [...new Set(cidrs.filter((c) => familyOfCidr(c) === this.family))].sort();
  }

  /** Compares the kernel with what was written. Returns the number of chains that differ; `sync` mends them. */
  verify(): Promise<number> {
    return this.o.programmer.verify();
  }

  /** A cheap look whether the kernel still has the rules that lead to all others. */
  async isIntact(): Promise<boolean> {
    return (await this.o.programmer.isIntact?.()) ?? true;
  }

  /** The kernel lost our rules: the next `sync` writes all. */
  forget(): void {
    this.o.programmer.forget();
    this.isFull = true;
  }

  /** Gauges that need a pass over everything: called when metrics are scraped. */
  updateGauges(): void {
    const count = { internal: 0, external: 0 };
    for (const { ports } of this.states.values()) {
      for (const { port, endpoints } of ports.values()) {
        if (!endpoints.hasAny || endpoints.local.length > 0) continue;
        if (port.internalPolicyLocal) count.internal++;
        if (port.externalPolicyLocal) count.external++;
      }
    }
    const { metrics, programmer } = this.o;
    for (const [traffic_policy, n] of Object.entries(count)) {
      metrics.noLocalEndpoints.set({ traffic_policy, ip_family: this.family }, n);
    }
    for (const [table, n] of Object.entries(programmer.ruleCount?.() ?? {})) {
      metrics.rulesTotal?.set({ table, ip_family: this.family }, n);
    }
  }

  private compute(key: string): void {
    const state = this.states.get(key);
    if (!state) return;
    const ports = state.service
      ? servicePorts(state.service, this.family, (s, message) => this.o.onProblem(s, message))
      : [];
    const wanted = new Set(ports.map((p) => p.key));
    for (const [portKey, before] of state.ports) {
      if (wanted.has(portKey)) continue;
      this.o.programmer.remove(portKey);
      state.ports.delete(portKey);
      this.noteFlows(before.port, nobody);
    }
    for (const port of ports) {
      const all = portEndpoints(state.slices.values(), port, this.family, this.o.nodeName);
      const endpoints = categorize(all, port, this.topology);
      const serving = needsCleanup(port.protocol)
        ? new Set(all.filter((e) => e.serving).map((e) => e.address))
        : nobody;
      this.o.programmer.set(port, endpoints);
      state.ports.set(port.key, { port, endpoints, serving });
      this.noteFlows(port, serving);
    }
    if (ports.some((p) => p.healthCheckNodePort !== 0)) this.withHealthPort.add(key);
    else this.withHealthPort.delete(key);
    if (!state.service && state.slices.size === 0) this.states.delete(key);
  }

  private noteFlows(port: ServicePort, endpoints: ReadonlySet<string>): void {
    const { key, protocol } = port;
    if (!needsCleanup(protocol)) return;
    const addresses = [port.clusterIP, ...port.externalIPs, ...port.loadBalancerVIPs];
    this.flows.set(key, { protocol, addresses, port: port.port, nodePort: port.nodePort, endpoints });
  }

  private async cleanConntrack(): Promise<void> {
    if (this.flows.size === 0) return;
    const targets = [...this.flows.values()];
    this.flows.clear();
    try {
      await this.o.cleanFlows(targets);
    } catch (error) {
      // Not retried, like kube-proxy: the flows time out; the rules themselves are right.
      this.o.metrics.conntrackFailures.inc({ ip_family: this.family });
      this.o.logger.error('Deleting stale flows failed', { family: this.family, error });
    }
  }

  private complain(portKey: string, message: string): void {
    for (const state of this.states.values()) {
      if (!state.ports.has(portKey) || !state.service) continue;
      this.o.logger.error('The kernel refused rules of a service', { service: portKey, message });
      this.o.onProblem(state.service, `cannot be programmed: ${message}`);
    }
  }

  private state(key: string): State {
    let s = this.states.get(key);
    if (!s) {
      s = { service: undefined, slices: new Map(), ports: new Map() };
      this.states.set(key, s);
    }
    return s;
  }

  private touch(key: string): void {
    this.dirty.add(key);
    const labels = { ip_family: this.family };
    this.o.metrics.lastQueued.set(labels, Date.now() / 1000);
  }
}
