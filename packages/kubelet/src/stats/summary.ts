import { nowSecond } from '@kubelab/apimachinery';
import type { FileSystemUse } from '../node/machine.js';
import type { ContainerUsage, CpuStats, MemoryStats, PodUsage, UsageSnapshot } from './collector.js';
import type { NodeUsage } from './node-usage.js';
import type { VolumeUse } from './volumes.js';

export interface SummaryInput {
  nodeName: string;
  bootTime: Date;
  usage: UsageSnapshot;
  nodeFs: FileSystemUse;
  imageFs: FileSystemUse & { imagesBytes: number };
  /** Start times of pods and containers, and disk use of volumes, by pod UID. */
  details: Map<string, PodDetails>;
}

export interface PodDetails {
  startTime: string | undefined;
  containerStarts: Map<string, number>;
  logsBytes: Map<string, number>;
  volumes: VolumeUse[];
}

const time = (ms: number) => nowSecond(new Date(ms));

function cpu(stats: CpuStats) {
  return { time: time(stats.time), usageNanoCores: stats.nanoCores, usageCoreNanoSeconds: stats.coreNanoSeconds };
}

function memory(stats: MemoryStats) {
  const { usageBytes, workingSetBytes, rssBytes, pageFaults, majorPageFaults } = stats;
  return { time: time(stats.time), usageBytes, workingSetBytes, rssBytes, pageFaults, majorPageFaults };
}

function fileSystem(use: FileSystemUse, usedBytes: number, inodesUsed?: number) {
  return {
    time: time(Date.now()),
    availableBytes: use.availableBytes,
    capacityBytes: use.capacityBytes,
    usedBytes,
    inodesFree: use.inodesFree,
    inodes: use.inodes,
    inodesUsed: inodesUsed ?? use.inodes - use.inodesFree,
  };
}

function network(at: number, interfaces: NodeUsage['network']) {
  const [first] = interfaces;
  return first ? { time: time(at), ...first, interfaces } : undefined;
}

function container(usage: ContainerUsage, input: SummaryInput, details: PodDetails | undefined) {
  const started = details?.containerStarts.get(usage.name);
  return {
    name: usage.name,
    startTime: started ? time(started) : undefined,
    cpu: cpu(usage.cpu),
    memory: memory(usage.memory),
    rootfs: fileSystem(input.imageFs, usage.rootfs.usedBytes, usage.rootfs.inodesUsed),
    logs: fileSystem(input.nodeFs, details?.logsBytes.get(usage.name) ?? 0, 1),
  };
}

function pod(usage: PodUsage, input: SummaryInput) {
  const details = input.details.get(usage.uid);
  const volumes = (details?.volumes ?? []).map(({ name, claim, usedBytes, inodesUsed, fileSystem: own }) => ({
    ...fileSystem(own ?? input.nodeFs, usedBytes, inodesUsed),
    name,
    ...(claim ? { pvcRef: { name: claim, namespace: usage.namespace } } : {}),
  }));
  const logs = [...(details?.logsBytes.values() ?? [])].reduce((sum, bytes) => sum + bytes, 0);
  const layers = usage.containers.reduce((sum, item) => sum + item.rootfs.usedBytes, 0);
  const data = (details?.volumes ?? []).reduce((sum, { ephemeral, usedBytes }) => sum + (ephemeral ? usedBytes : 0), 0);
  return {
    podRef: { name: usage.name, namespace: usage.namespace, uid: usage.uid },
    startTime: details?.startTime,
    containers: usage.containers.map((item) => container(item, input, details)),
    cpu: cpu(usage.cpu),
    memory: memory(usage.memory),
    network: network(usage.networkTime, usage.network),
    volume: volumes,
    'ephemeral-storage': fileSystem(input.nodeFs, logs + layers + data),
    process_stats: { process_count: usage.processes },
  };
}

/** The answer of /stats/summary (stats/v1alpha1 Summary). */
export function summary(input: SummaryInput): object {
  const { node, pods } = input.usage;
  return {
    node: {
      nodeName: input.nodeName,
      startTime: nowSecond(input.bootTime),
      cpu: cpu({ time: node.time, nanoCores: node.nanoCores, coreNanoSeconds: node.cpuNanos }),
      memory: {
        time: time(node.time),
        availableBytes: node.memory.availableBytes,
        usageBytes: node.memory.usageBytes,
        workingSetBytes: node.memory.workingSetBytes,
        rssBytes: node.memory.rssBytes,
      },
      network: network(node.time, node.network),
      fs: fileSystem(input.nodeFs, input.nodeFs.usedBytes),
      runtime: { imageFs: fileSystem(input.imageFs, input.imageFs.imagesBytes) },
      rlimit: { time: time(node.time), maxpid: node.processes.max, curproc: node.processes.current },
    },
    pods: pods.map((item) => pod(item, input)),
  };
}
