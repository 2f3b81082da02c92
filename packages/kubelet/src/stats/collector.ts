import type { ContainerStatsOutput, CpuUsageOutput, CriClient, PodSandboxStatsOutput } from '@kubelab/cri';
import { containerNameLabel, podNameLabel, podNamespaceLabel, podUidLabel } from '../runtime/labels.js';
import { type NodeUsage, readNodeUsage } from './node-usage.js';
import { readPodStats } from './pod-stats.js';

export interface CpuStats {
  time: number;
  /** Undefined until two samples are there. */
  nanoCores: number | undefined;
  coreNanoSeconds: number;
}

export interface MemoryStats {
  time: number;
  usageBytes: number;
  workingSetBytes: number;
  rssBytes: number;
  pageFaults: number;
  majorPageFaults: number;
}

export interface ContainerUsage {
  id: string;
  name: string;
  cpu: CpuStats;
  memory: MemoryStats;
  /** Writable layer. */
  rootfs: { usedBytes: number; inodesUsed: number };
}

export interface PodUsage {
  uid: string;
  name: string;
  namespace: string;
  sandboxId: string;
  cpu: CpuStats;
  memory: MemoryStats;
  network: NodeUsage['network'];
  networkTime: number;
  processes: number;
  containers: ContainerUsage[];
}

export interface UsageSnapshot {
  node: NodeUsage & { nanoCores: number | undefined };
  pods: PodUsage[];
}

const value = (wrapped: { value: number } | null | undefined) => Number(wrapped?.value ?? 0);
const ms = (nanos: number | undefined) => (nanos ? Math.floor(nanos / 1e6) : Date.now());

/** Scrapers that come together share one reading. */
const freshMs = 1_000;

/** Reads what node, pods and containers use, and turns counters into rates between readings. */
export class UsageCollector {
  private readonly samples = new Map<string, { time: number; cpu: number; rate: number | undefined }>();
  private last: { at: number; snapshot: Promise<UsageSnapshot> } | undefined;

  constructor(private readonly cri: CriClient) {}

  /** A reading not older than a second. */
  read(): Promise<UsageSnapshot> {
    if (this.last && Date.now() - this.last.at < freshMs) return this.last.snapshot;
    const snapshot = this.collect();
    this.last = { at: Date.now(), snapshot };
    snapshot.catch(() => {
      this.last = undefined;
    });
    return snapshot;
  }

  private async collect(): Promise<UsageSnapshot> {
    const [node, stats] = await Promise.all([readNodeUsage(), readPodStats(this.cri)]);
    const seen = new Set(['node']);
    const nanoCores = this.rate('node', node.time, node.cpuNanos);
    const pods = stats.map((item) => this.pod(item, seen));
    for (const key of this.samples.keys()) if (!seen.has(key)) this.samples.delete(key);
    return { node: { ...node, nanoCores }, pods };
  }

  private pod(item: PodSandboxStatsOutput, seen: Set<string>): PodUsage {
    const labels = item.attributes?.labels ?? {};
    const id = item.attributes?.id ?? '';
    seen.add(id);
    const network = item.linux?.network;
    // Runtimes list the default interface once more among all, or not: each must be there once, the default first.
    const interfaces = new Map(
      [network?.default_interface, ...(network?.interfaces ?? [])].flatMap((entry) =>
        entry ? [[entry.name, entry]] : [],
      ),
    );
    return {
      uid: labels[podUidLabel] ?? item.attributes?.metadata?.uid ?? '',
      name: labels[podNameLabel] ?? item.attributes?.metadata?.name ?? '',
      namespace: labels[podNamespaceLabel] ?? item.attributes?.metadata?.namespace ?? '',
      sandboxId: id,
      cpu: this.cpu(id, item.linux?.cpu),
      memory: memoryOf(item.linux?.memory),
      networkTime: ms(network?.timestamp),
      network: [...interfaces.values()].map((entry) => ({
        name: entry.name,
        rxBytes: value(entry.rx_bytes),
        rxErrors: value(entry.rx_errors),
        txBytes: value(entry.tx_bytes),
        txErrors: value(entry.tx_errors),
      })),
      processes: value(item.linux?.process?.process_count),
      containers: (item.linux?.containers ?? []).filter(isUsing).map((container) => this.container(container, seen)),
    };
  }

  private container(item: ContainerStatsOutput, seen: Set<string>): ContainerUsage {
    const id = item.attributes?.id ?? '';
    seen.add(id);
    return {
      id,
      name: item.attributes?.labels[containerNameLabel] ?? item.attributes?.metadata?.name ?? '',
      cpu: this.cpu(id, item.cpu),
      memory: memoryOf(item.memory),
      rootfs: {
        usedBytes: value(item.writable_layer?.used_bytes),
        inodesUsed: value(item.writable_layer?.inodes_used),
      },
    };
  }

  private cpu(key: string, usage: CpuUsageOutput | null | undefined): CpuStats {
    const time = ms(usage?.timestamp);
    const coreNanoSeconds = value(usage?.usage_core_nano_seconds);
    const reported = value(usage?.usage_nano_cores);
    const computed = this.rate(key, time, coreNanoSeconds);
    return { time, coreNanoSeconds, nanoCores: reported > 0 ? reported : computed };
  }

  private rate(key: string, time: number, cpu: number): number | undefined {
    const before = this.samples.get(key);
    if (before && time <= before.time) return before.rate;
    const rate =
      before && cpu >= before.cpu ? Math.round(((cpu - before.cpu) * 1000) / (time - before.time)) : undefined;
    this.samples.set(key, { time, cpu, rate });
    return rate;
  }
}

/** containerd lists containers that have ended too, without any use. */
function isUsing({ cpu, memory }: ContainerStatsOutput): boolean {
  return value(cpu?.usage_core_nano_seconds) > 0 || value(memory?.working_set_bytes) > 0;
}

function memoryOf(usage: import('@kubelab/cri').MemoryUsageOutput | null | undefined): MemoryStats {
  return {
    time: ms(usage?.timestamp),
    usageBytes: value(usage?.usage_bytes),
    workingSetBytes: value(usage?.working_set_bytes),
    rssBytes: value(usage?.rss_bytes),
    pageFaults: value(usage?.page_faults),
    majorPageFaults: value(usage?.major_page_faults),
  };
}
