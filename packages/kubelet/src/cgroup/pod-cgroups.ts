import type { Logger } from '@kubelab/component-base';
import { type CgroupName, parseCgroupName } from '@kubelab/cri';
import { qosClass } from '../pod/qos.js';
import { milliCpuToShares, podResources } from '../pod/resources.js';
import type { Pod } from '../pod/types.js';
import type { CgroupDriver } from './driver.js';
import type { CgroupLimits, CgroupMemory } from './hierarchy.js';
import { bestEffortShares, podLimits } from './pod-limits.js';

export interface PodCgroupsOptions {
  driver: CgroupDriver;
  /** --cgroup-root: everything is made below it. Two nodes on one machine have different ones. */
  root: string;
  /** --pod-max-pids; 0 or less is no limit. */
  podPidsLimit: number;
  /** Limits of all pods together: the node's allocatable, or its capacity. */
  nodeLimits(): CgroupLimits;
  /** The pods that run or are to run. */
  pods(): Pod[];
  /** NodeAllocatableEnforced or FailedNodeAllocatableEnforcement, about the node. */
  event(type: 'Normal' | 'Warning', reason: string, message: string): void;
  logger: Logger;
}

const tops = { Guaranteed: [], Burstable: ['burstable'], BestEffort: ['besteffort'] } as const;

/** Cgroups of the QoS classes and of pods (KEP: pod-level cgroups): ROOT/kubepods[/QOS]/podUID. */
export class PodCgroups {
  private readonly made = new Map<string, string>();
  private readonly top: CgroupName;
  private burstableShares: number | undefined;
  private enforced: string | undefined;

  constructor(private readonly options: PodCgroupsOptions) {
    this.top = [...parseCgroupName(options.root), 'kubepods'];
  }

  private name(pod: Pod): CgroupName {
    return [...this.top, ...tops[qosClass(pod)], `pod${pod.metadata.uid}`];
  }

  get version(): 1 | 2 {
    return this.options.driver.version;
  }

  /** Path in the tree of the cgroup that holds all pods. */
  get topPath(): string {
    return this.options.driver.path(this.top);
  }

  /** Path of the pod's cgroup in the tree, which CRI takes for the parent of its containers'. */
  path(pod: Pod): string {
    return this.options.driver.path(this.name(pod));
  }

  /** Makes the cgroups that hold pods. Fails when that can't be done: no pod could start. */
  async setUp(): Promise<void> {
    const { driver } = this.options;
    await driver.create(this.top, {});
    await this.enforceAllocatable();
    await driver.create([...this.top, 'besteffort'], { cpuShares: bestEffortShares });
    await driver.create([...this.top, 'burstable'], {});
    await this.updateQos();
  }

  /**
   * Sets the limits of all pods together. The kernel may refuse a memory limit below what is in use; then it is tried
   * again at the next call, while eviction brings the use down.
   */
  async enforceAllocatable(): Promise<void> {
    const limits = this.options.nodeLimits();
    const text = JSON.stringify(limits);
    if (text === this.enforced) return;
    try {
      await this.options.driver.update(this.top, limits);
      this.enforced = text;
      this.options.event('Normal', 'NodeAllocatableEnforced', 'Updated Node Allocatable limit across pods');
    } catch (error) {
      const message = `Failed to update Node Allocatable Limits ${JSON.stringify(this.top)}: ${(error as Error).message}`;
      this.options.event('Warning', 'FailedNodeAllocatableEnforcement', message);
    }
  }

  /** Makes a pod's cgroup, or sets the limits of the one made before, where they changed. */
  async ensure(pod: Pod): Promise<void> {
    const limits = { ...podLimits(pod), pids: this.options.podPidsLimit };
    const text = JSON.stringify(limits);
    const before = this.made.get(pod.metadata.uid);
    if (before === text) return;
    // The class first: its share must be that of all its pods when the pod starts.
    await this.updateQos();
    if (before === undefined) await this.options.driver.create(this.name(pod), limits);
    else await this.options.driver.update(this.name(pod), limits);
    this.made.set(pod.metadata.uid, text);
  }

  async remove(pod: Pod): Promise<void> {
    this.made.delete(pod.metadata.uid);
    await this.removeName(this.name(pod));
  }

  /** Sets the share of Burstable pods by what they ask for together. */
  async updateQos(): Promise<void> {
    let milli = 0;
    for (const pod of this.options.pods()) {
      if (qosClass(pod) === 'Burstable') milli += Number(podResources(pod, 'requests').get('cpu')?.milliValue() ?? 0n);
    }
    const cpuShares = milliCpuToShares(milli);
    if (cpuShares === this.burstableShares) return;
    try {
      await this.options.driver.update([...this.top, 'burstable'], { cpuShares });
      this.burstableShares = cpuShares;
    } catch (error) {
      this.options.logger.warn('CPU shares of Burstable pods could not be set', { error });
    }
  }

  /** What all pods together use of memory. */
  memory(): Promise<CgroupMemory> {
    return this.options.driver.memory(this.top);
  }

  /** Removes the cgroups of pods that are not known any more. */
  async collect(isKnown: (uid: string) => boolean): Promise<void> {
    for (const names of Object.values(tops)) {
      const parent = [...this.top, ...names];
      for (const child of await this.options.driver.children(parent)) {
        const uid = /^pod(.+)$/.exec(child)?.[1];
        if (uid && !isKnown(uid)) await this.removeName([...parent, child]);
      }
    }
  }

  private async removeName(name: CgroupName): Promise<void> {
    try {
      await this.options.driver.remove(name);
    } catch (error) {
      // A process that is just ending is still in it: the next collection gets it.
      this.options.logger.debug('Cgroup could not be removed', { cgroup: name.join('/'), error });
    }
  }
}
