import type { V1Node, V1NodeCondition, V1NodeStatus } from '@kubelab/api';
import type { Client } from '@kubelab/client';
import type { Logger } from '@kubelab/component-base';
import type { KubeletConfig } from '../config.js';
import type { Events } from '../events.js';
import { amount, parseThresholds } from '../eviction/thresholds.js';
import { sleep } from '../lifecycle/hooks.js';
import { foreignResources, nodeAllocatable, nodeCapacity } from './allocatable.js';
import { runLease } from './lease.js';
import { fileSystemUse, type MachineInfo, taskLimit } from './machine.js';
import { nodeStatus } from './node-status.js';
import { defaultLabels, registerNode } from './registration.js';
import type { RuntimeMonitor } from './runtime-monitor.js';
import { NodeStatusLoop } from './status-loop.js';

export interface NodeAgentOptions {
  config: KubeletConfig;
  client: Client;
  logger: Logger;
  events: Events;
  machine: MachineInfo;
  monitor: RuntimeMonitor;
  /** Extended resources of device plugins. */
  extended(): { capacity: Record<string, string>; allocatable: Record<string, string> };
  /** MemoryPressure and such, while they are in force. */
  pressures(): string[];
  shuttingDown(): boolean;
  /** Called once the node object is there. */
  onRegistered(): void;
}

const registerRetryMs = 1_000;

/** The events of a condition's turn to True and to anything else. */
const conditionEvents: Record<string, [string, string]> = {
  Ready: ['NodeReady', 'NodeNotReady'],
  MemoryPressure: ['NodeHasInsufficientMemory', 'NodeHasSufficientMemory'],
  DiskPressure: ['NodeHasDiskPressure', 'NodeHasNoDiskPressure'],
  PIDPressure: ['NodeHasInsufficientPID', 'NodeHasSufficientPID'],
};

/** The node object: registered, its status and its Lease kept up to date. */
export class NodeAgent {
  private current: V1Node | undefined;
  private amounts: Record<string, string> = {};
  private total: Record<string, string> = {};
  private readonly loop: NodeStatusLoop;
  private readonly waiting: (() => void)[] = [];

  constructor(private readonly o: NodeAgentOptions) {
    const { config, client, logger } = o;
    const { options, nodeName } = config;
    this.loop = new NodeStatusLoop({
      client,
      logger,
      nodeName,
      updateMs: options.durationMs('node-status-update-frequency'),
      reportMs: options.durationMs('node-status-report-frequency'),
      compute: (previous) => this.status(previous.length > 0 ? previous : (this.current?.status?.conditions ?? [])),
      register: (status, signal) => this.register(status, signal),
      onNode: (node) => this.observe(node),
      onConditionChange: (type, status) => this.reportCondition(type, status),
    });
  }

  /** The node object as last seen. */
  get node(): V1Node | undefined {
    return this.current;
  }

  get allocatable(): Record<string, string> {
    return this.amounts;
  }

  /** What the node has, as measured last, with the number of processes. */
  get capacity(): Record<string, string> & { pid: string } {
    return { ...this.total, pid: String(taskLimit()) };
  }

  /**
   * Capacity without what is reserved. What hard eviction keeps free is in it: pods are held to this by their cgroup,
   * and must be able to pass the eviction threshold before the kernel stops them.
   */
  absoluteAllocatable(): Record<string, string> {
    const { kubeReserved: kube, systemReserved: system } = this.o.config;
    return nodeAllocatable(this.capacity, { kube, system, evictionMemoryBytes: 0, evictionStorageBytes: 0 }, {});
  }

  get labels(): Record<string, string> {
    const { config, machine } = this.o;
    return this.current?.metadata?.labels ?? { ...defaultLabels(config.nodeName, machine), ...config.labels };
  }

  /** The node object has changed, by whomever. */
  observe(node: V1Node): void {
    if (version(node) < version(this.current)) return;
    this.current = node;
    this.loop.observe(node);
    for (const resolve of this.waiting.splice(0)) resolve();
  }

  /** Resolves when the node object is known: its labels and taints decide which pods may run here. */
  async known(signal: AbortSignal): Promise<void> {
    if (this.current) return;
    await new Promise<void>((resolve) => {
      this.waiting.push(resolve);
      signal.addEventListener('abort', () => resolve(), { once: true });
    });
  }

  /** Something the status shows has changed. */
  poke(): void {
    this.loop.poke();
  }

  async run(signal: AbortSignal): Promise<void> {
    await Promise.all([this.report(signal), this.lease(signal)]);
  }

  /** Measures the node anew. */
  async measure(): Promise<{ capacity: Record<string, string>; allocatable: Record<string, string> }> {
    const { config, machine } = this.o;
    const disk = await fileSystemUse(config.rootDir);
    const extended = this.o.extended();
    const capacity = nodeCapacity({
      machine,
      maxPods: config.options.number('max-pods'),
      ephemeralStorageBytes: disk.capacityBytes,
      extended,
      foreign: foreignResources(this.current?.status?.capacity, extended.capacity),
    });
    const reservations = {
      kube: config.kubeReserved,
      system: config.systemReserved,
      evictionMemoryBytes: this.keptFree('memory.available', machine.memoryBytes),
      evictionStorageBytes: this.keptFree('nodefs.available', disk.capacityBytes),
    };
    this.amounts = nodeAllocatable(capacity, reservations, extended.allocatable);
    this.total = capacity;
    return { capacity, allocatable: this.amounts };
  }

  /** What hard eviction keeps free of a resource, in bytes. */
  private keptFree(signal: string, capacity: number): number {
    const thresholds = parseThresholds(this.o.config.options.strings('eviction-hard'));
    const found = thresholds.find((threshold) => threshold.signal === signal);
    return found ? amount(found, { available: 0, capacity }) : 0;
  }

  private async status(previous: V1NodeCondition[]): Promise<V1NodeStatus> {
    const { config, machine, monitor, logger } = this.o;
    const { capacity, allocatable } = await this.measure();
    const pressures = this.o.pressures();
    const images = await monitor.images().catch((error) => {
      logger.debug('Images could not be listed', { error });
      return [];
    });
    return nodeStatus({
      machine,
      nodeIps: config.nodeIps,
      hostname: config.nodeName,
      port: config.options.number('port'),
      capacity,
      allocatable,
      runtimeVersion: `${monitor.facts.name}://${monitor.facts.version}`,
      images,
      pressures: {
        memory: pressures.includes('MemoryPressure'),
        disk: pressures.includes('DiskPressure'),
        pid: pressures.includes('PIDPressure'),
      },
      problems: [...monitor.problems(), ...(this.o.shuttingDown() ? ['node is shutting down'] : [])],
      previous,
      runtimeHandlers: monitor.handlers,
    });
  }

  private async report(signal: AbortSignal): Promise<void> {
    if (this.o.config.options.boolean('register-node')) {
      const node = await this.register(await this.status([]), signal);
      for (const condition of node.status?.conditions ?? []) this.reportCondition(condition.type, condition.status);
      this.o.onRegistered();
    }
    await this.loop.run(signal);
  }

  private async register(status: V1NodeStatus, signal: AbortSignal): Promise<V1Node> {
    const { config, client, logger, machine } = this.o;
    const labels = { ...defaultLabels(config.nodeName, machine), ...config.labels };
    for (;;) {
      signal.throwIfAborted();
      try {
        const node = await registerNode(client, config.nodeName, labels, config.taints, status);
        logger.info('Node is registered', { node: config.nodeName });
        this.observe(node);
        return node;
      } catch (error) {
        logger.warn('Node could not be registered, trying again', { error });
        await sleep(registerRetryMs, signal);
      }
    }
  }

  private lease(signal: AbortSignal): Promise<void> {
    const { client, logger, config } = this.o;
    const durationSeconds = config.options.number('node-lease-duration-seconds');
    const node = () => this.current;
    return runLease({ client, logger, nodeName: config.nodeName, durationSeconds, node }, signal);
  }

  private reportCondition(type: string, status: string): void {
    const reason = conditionEvents[type]?.[status === 'True' ? 0 : 1];
    const { events, config } = this.o;
    if (reason) events.node('Normal', reason, `Node ${config.nodeName} status is now: ${reason}`);
  }
}

const version = (node: V1Node | undefined) => Number(node?.metadata?.resourceVersion ?? 0);
