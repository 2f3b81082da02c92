import { join } from 'node:path';
import { Quantity } from '@kubelab/apimachinery';
import type { Logger } from '@kubelab/component-base';
import { qosClass } from '../pod/qos.js';
import { allLimited, milliCpuToQuota, milliCpuToShares, podResources, quotaPeriodUs } from '../pod/resources.js';
import type { Pod } from '../pod/types.js';
import type { CgroupHierarchy, CgroupLimits } from './hierarchy.js';

export interface PodCgroupsOptions {
  hierarchy: CgroupHierarchy;
  /** --cgroup-root: everything is made below it. Two nodes on one machine have different ones. */
  root: string;
  driver: 'cgroupfs' | 'systemd';
  /** --pod-max-pids; 0 or less is no limit. */
  podPidsLimit: number;
  allocatable(): Record<string, string>;
  logger: Logger;
}

const tops = { Guaranteed: '', Burstable: 'burstable', BestEffort: 'besteffort' } as const;

/** Cgroups of the QoS classes and of pods (KEP: pod-level cgroups): ROOT/kubepods[/QOS]/podUID. */
export class PodCgroups {
  private readonly made = new Map<string, string>();

  constructor(private readonly options: PodCgroupsOptions) {}

  private get top(): string {
    return join('/', this.options.root, 'kubepods');
  }

  /** Path of the pod's cgroup in the tree, as the cgroupfs driver has it. */
  path(pod: Pod): string {
    return join(this.top, tops[qosClass(pod)], `pod${pod.metadata.uid}`);
  }

  /** What the runtime is told: a path, or a slice name for systemd. */
  parent(pod: Pod): string {
    if (this.options.driver === 'cgroupfs') return this.path(pod);
    const names = this.path(pod)
      .split('/')
      .filter(Boolean)
      .map((name) => name.replaceAll('-', '_'));
    return `${names.join('-')}.slice`;
  }

  /** Makes the cgroups that hold pods. */
  async setUp(): Promise<void> {
    const { hierarchy, driver } = this.options;
    if (driver === 'systemd') return;
    const allocatable = this.options.allocatable();
    await hierarchy.create(this.top);
    await this.limit(this.top, {
      cpuShares: milliCpuToShares(Number(Quantity.parseOrZero(allocatable.cpu).milliValue())),
      memoryBytes: Number(Quantity.parseOrZero(allocatable.memory).value()),
    });
    for (const name of ['burstable', 'besteffort']) {
      await hierarchy.create(join(this.top, name));
      await this.limit(join(this.top, name), { cpuShares: 2 });
    }
  }

  async ensure(pod: Pod): Promise<void> {
    const { hierarchy, driver, podPidsLimit } = this.options;
    // systemd makes slices by itself when the first container is put in.
    if (driver === 'systemd') return;
    const path = this.path(pod);
    const limits = { ...podLimits(pod), pids: podPidsLimit };
    const text = JSON.stringify(limits);
    if (this.made.get(pod.metadata.uid) === text) return;
    await hierarchy.create(path);
    await this.limit(path, limits);
    this.made.set(pod.metadata.uid, text);
  }

  async remove(pod: Pod): Promise<void> {
    this.made.delete(pod.metadata.uid);
    if (this.options.driver === 'systemd') return;
    await this.removePath(this.path(pod));
  }

  /** Sets the share of Burstable pods by what they ask for together. */
  async updateQos(pods: Pod[]): Promise<void> {
    if (this.options.driver === 'systemd') return;
    let milli = 0;
    for (const pod of pods) {
      if (qosClass(pod) === 'Burstable') milli += Number(podResources(pod, 'requests').get('cpu')?.milliValue() ?? 0n);
    }
    await this.limit(join(this.top, 'burstable'), { cpuShares: milliCpuToShares(milli) });
  }

  /** Removes the cgroups of pods that are not known any more. */
  async collect(isKnown: (uid: string) => boolean): Promise<void> {
    if (this.options.driver === 'systemd') return;
    for (const name of ['', 'burstable', 'besteffort']) {
      for (const child of await this.options.hierarchy.children(join(this.top, name))) {
        const uid = /^pod(.+)$/.exec(child)?.[1];
        if (uid && !isKnown(uid)) await this.removePath(join(this.top, name, child));
      }
    }
  }

  private async removePath(path: string): Promise<void> {
    try {
      await this.options.hierarchy.remove(path);
    } catch (error) {
      // A process that is just ending is still in it: the next collection gets it.
      this.options.logger.debug('Cgroup could not be removed', { path, error });
    }
  }

  /** A limit the kernel refuses (a controller that is not delegated) is no reason not to run pods. */
  private async limit(path: string, limits: CgroupLimits): Promise<void> {
    try {
      await this.options.hierarchy.setLimits(path, limits);
    } catch (error) {
      this.options.logger.warn('Cgroup limits could not be set', { path, error });
    }
  }
}

/** Limits of a pod's cgroup from its requests and limits. */
export function podLimits(pod: Pod): CgroupLimits {
  const requests = podResources(pod, 'requests');
  const limits = podResources(pod, 'limits');
  const milli = Number(requests.get('cpu')?.milliValue() ?? 0n);
  const cpu = allLimited(pod, 'cpu') ? Number(limits.get('cpu')?.milliValue() ?? 0n) : 0;
  const memory = allLimited(pod, 'memory') ? Number(limits.get('memory')?.value() ?? 0n) : 0;
  return {
    cpuShares: qosClass(pod) === 'BestEffort' ? 2 : milliCpuToShares(milli),
    cpuQuotaUs: milliCpuToQuota(cpu),
    cpuPeriodUs: quotaPeriodUs,
    memoryBytes: memory,
  };
}
