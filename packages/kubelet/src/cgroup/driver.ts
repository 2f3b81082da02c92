import { type CgroupName, cgroupfsPath } from '@kubelab/cri';
import type { CgroupHierarchy, CgroupLimits, CgroupMemory } from './hierarchy.js';

export type CgroupDriverName = 'cgroupfs' | 'systemd';

/** Who makes cgroups: this process in the file system itself, or systemd when asked. The runtime has the same one. */
export interface CgroupDriver {
  readonly name: CgroupDriverName;
  /** Of the file system: 1 with a tree a controller, 2 with one tree. */
  readonly version: 1 | 2;
  /** The cgroup's path in the tree, which is also what CRI takes for a sandbox' parent. */
  path(name: CgroupName): string;
  /**
   * Makes a cgroup with its parents, if it is not there, and sets its limits. A limit that the kernel refuses (of a
   * controller that is not handed down to this machine, say) is reported and no reason not to run pods.
   */
  create(name: CgroupName, limits: CgroupLimits): Promise<void>;
  /** Changes limits; what is undefined stays as it is. */
  update(name: CgroupName, limits: CgroupLimits): Promise<void>;
  /** Removes a cgroup with all below it. Throws while processes are in it. */
  remove(name: CgroupName): Promise<void>;
  /** The last components of the cgroups directly below. */
  children(name: CgroupName): Promise<string[]>;
  /** What a cgroup with all below it uses of memory. */
  memory(name: CgroupName): Promise<CgroupMemory>;
}

/** Told of limits that could not be set on a new cgroup. */
export type ReportLimits = (path: string, error: unknown) => void;

/** Writes to the cgroup file system. */
export class CgroupfsDriver implements CgroupDriver {
  readonly name = 'cgroupfs';

  constructor(
    private readonly hierarchy: CgroupHierarchy,
    private readonly report: ReportLimits,
  ) {}

  get version(): 1 | 2 {
    return this.hierarchy.version;
  }

  path(name: CgroupName): string {
    return cgroupfsPath(name);
  }

  async create(name: CgroupName, limits: CgroupLimits): Promise<void> {
    await this.hierarchy.create(this.path(name));
    await this.update(name, limits).catch((error) => this.report(this.path(name), error));
  }

  update(name: CgroupName, limits: CgroupLimits): Promise<void> {
    return this.hierarchy.setLimits(this.path(name), limits);
  }

  remove(name: CgroupName): Promise<void> {
    return this.hierarchy.remove(this.path(name));
  }

  children(name: CgroupName): Promise<string[]> {
    return this.hierarchy.children(this.path(name));
  }

  memory(name: CgroupName): Promise<CgroupMemory> {
    return this.hierarchy.memory(this.path(name));
  }
}
