import type { Logger } from '@kubelab/component-base';
import type { CriClient } from '@kubelab/cri';
import type { CgroupMemory } from '../cgroup/hierarchy.js';
import type { KubeletConfig } from '../config.js';
import type { Events } from '../events.js';
import type { ContainerGc } from '../gc/container-gc.js';
import type { ImageGc } from '../gc/image-gc.js';
import { fileSystemUse } from '../node/machine.js';
import type { PodManager } from '../pod/manager.js';
import { podResources } from '../pod/resources.js';
import type { Pod } from '../pod/types.js';
import { imageFileSystem } from '../server/stats-routes.js';
import type { UsageCollector } from '../stats/collector.js';
import { diskUsage } from '../stats/disk-usage.js';
import { readNodeUsage } from '../stats/node-usage.js';
import type { VolumeManager } from '../volumes/manager.js';
import { localStorageViolation } from './local-storage.js';
import { EvictionManager } from './manager.js';
import type { Candidate } from './ranking.js';
import {
  conditionOf,
  type Observations,
  parseGrace,
  parseThresholds,
  type Signal,
  withAllocatable,
} from './thresholds.js';

export interface NodeEvictionOptions {
  config: KubeletConfig;
  cri: CriClient;
  logger: Logger;
  events: Events;
  pods: PodManager;
  volumes: VolumeManager;
  collector: UsageCollector;
  imageGc: ImageGc;
  containerGc: ContainerGc;
  /** What all pods together use of memory; undefined without cgroups of pods. */
  podMemory(): Promise<CgroupMemory | undefined>;
  onChange(): void;
  onEvicted(signal: string): void;
}

/** The eviction manager of this node, fed with what the node and its pods use. */
export function nodeEviction(o: NodeEvictionOptions): EvictionManager {
  const { options } = o.config;
  const soft = parseGrace(options.strings('eviction-soft-grace-period'));
  const thresholds = [
    ...parseThresholds(options.strings('eviction-hard')),
    ...parseThresholds(options.strings('eviction-soft'), soft, true),
  ];
  return new EvictionManager({
    thresholds: options.strings('enforce-node-allocatable').includes('pods') ? withAllocatable(thresholds) : thresholds,
    transitionMs: options.durationMs('eviction-pressure-transition-period'),
    maxGraceSeconds: options.number('eviction-max-pod-grace-period'),
    logger: o.logger,
    observe: () => observe(o),
    reclaimDisk: async () => {
      await o.containerGc.collect();
      await o.imageGc.collectAll();
    },
    candidates: (signal) => candidates(o, signal),
    localStorageViolations: () => violations(o),
    evict: (pod, message, grace) => {
      o.events.pod(pod, 'Warning', 'Evicted', message);
      o.pods.worker(pod.metadata.uid)?.evict({ reason: 'Evicted', message }, grace);
    },
    event: (type, reason, message) => o.events.node(type, reason, message),
    onChange: o.onChange,
    onEvicted: o.onEvicted,
  });
}

async function observe({ config, cri, podMemory }: NodeEvictionOptions): Promise<Observations> {
  const [usage, pods, nodeFs, imageFs] = await Promise.all([
    readNodeUsage(),
    podMemory(),
    fileSystemUse(config.rootDir),
    imageFileSystem(cri, config.rootDir),
  ]);
  const observations: Observations = {
    'memory.available': { available: usage.memory.availableBytes, capacity: usage.memory.totalBytes },
    'nodefs.available': { available: nodeFs.availableBytes, capacity: nodeFs.capacityBytes },
    'imagefs.available': { available: imageFs.availableBytes, capacity: imageFs.capacityBytes },
    'pid.available': { available: usage.processes.max - usage.processes.current, capacity: usage.processes.max },
  };
  if (pods && Number.isFinite(pods.limit)) {
    observations['allocatableMemory.available'] = { available: pods.limit - pods.workingSet, capacity: pods.limit };
  }
  // File systems such as btrfs have no fixed number of inodes.
  if (nodeFs.inodes > 0) observations['nodefs.inodesFree'] = { available: nodeFs.inodesFree, capacity: nodeFs.inodes };
  if (imageFs.inodes > 0) {
    observations['imagefs.inodesFree'] = { available: imageFs.inodesFree, capacity: imageFs.inodes };
  }
  return observations;
}

function activePods(o: NodeEvictionOptions): Pod[] {
  return o.pods
    .allWorkers()
    .filter((worker) => !worker.terminating)
    .map((worker) => worker.pod);
}

async function candidates(o: NodeEvictionOptions, signal: Signal): Promise<Candidate[]> {
  const { pods: usages } = await o.collector.read();
  const byUid = new Map(usages.map((usage) => [usage.uid, usage]));
  const disk = conditionOf(signal) === 'DiskPressure';
  return Promise.all(
    activePods(o).map(async (pod) => {
      const usage = byUid.get(pod.metadata.uid);
      const requests = podResources(pod, 'requests');
      if (signal === 'pid.available') return { pod, usage: usage?.processes ?? 0, request: 0 };
      if (!disk) {
        const request = requests.get('memory')?.asNumber() ?? 0;
        return { pod, usage: usage?.memory.workingSetBytes ?? 0, request };
      }
      let bytes = (usage?.containers ?? []).reduce((sum, item) => sum + item.rootfs.usedBytes, 0);
      for (const { dir } of o.volumes.localVolumeDirs(pod)) bytes += (await diskUsage(dir)).bytes;
      return { pod, usage: bytes, request: requests.get('ephemeral-storage')?.asNumber() ?? 0 };
    }),
  );
}

async function violations(o: NodeEvictionOptions): Promise<{ pod: Pod; message: string }[]> {
  const layers = async () => {
    const { pods } = await o.collector.read();
    return new Map(
      pods.flatMap((pod) => pod.containers.map((item): [string, number] => [item.id, item.rootfs.usedBytes])),
    );
  };
  const found: { pod: Pod; message: string }[] = [];
  for (const pod of activePods(o)) {
    const message = await localStorageViolation({
      pod,
      state: o.pods.worker(pod.metadata.uid)?.state,
      emptyDirs: o.volumes.localVolumeDirs(pod),
      layers,
    });
    if (message) found.push({ pod, message });
  }
  return found;
}
