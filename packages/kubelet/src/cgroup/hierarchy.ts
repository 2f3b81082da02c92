import { mkdir, readdir, readFile, rmdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { sharesToWeight } from './weight.js';

/** Limits of a cgroup; what is undefined is left as it is. */
export interface CgroupLimits {
  cpuShares?: number;
  /** 0 or less is no limit. */
  cpuQuotaUs?: number;
  cpuPeriodUs?: number;
  /** 0 or less is no limit. */
  memoryBytes?: number;
  /** 0 or less is no limit. */
  pids?: number;
}

/** The cgroup file system of this machine: one tree (v2), or one a controller (v1). Paths are absolute in the tree. */
export interface CgroupHierarchy {
  readonly version: 1 | 2;
  create(path: string): Promise<void>;
  setLimits(path: string, limits: CgroupLimits): Promise<void>;
  /** Names of the cgroups directly below. */
  children(path: string): Promise<string[]>;
  processes(path: string): Promise<number[]>;
  /** Removes a cgroup with all below it. Throws while processes are in it. */
  remove(path: string): Promise<void>;
  /** What a cgroup with all below it uses of memory. */
  memory(path: string): Promise<CgroupMemory>;
}

/** In bytes. */
export interface CgroupMemory {
  usage: number;
  /** Usage less what can be dropped without a write: inactive file pages. */
  workingSet: number;
  /** Infinity without one. */
  limit: number;
}

const code = (error: unknown) => (error as NodeJS.ErrnoException).code;

async function childDirs(dir: string): Promise<string[]> {
  try {
    const entries = await readdir(dir, { withFileTypes: true });
    return entries.filter((entry) => entry.isDirectory()).map((entry) => entry.name);
  } catch (error) {
    if (code(error) === 'ENOENT') return [];
    throw error;
  }
}

async function removeTree(dir: string): Promise<void> {
  for (const name of await childDirs(dir)) await removeTree(join(dir, name));
  try {
    await rmdir(dir);
  } catch (error) {
    if (code(error) !== 'ENOENT') throw error;
  }
}

/** Above this a v1 memory limit is the kernel's way of saying that there is none. */
const noLimit = 2 ** 60;

async function readMemory(
  dir: string,
  names: { usage: string; limit: string; inactive: string },
): Promise<CgroupMemory> {
  const read = (name: string) => readFile(join(dir, name), 'utf8');
  const [usage, limit, stat] = await Promise.all([read(names.usage), read(names.limit), read('memory.stat')]);
  const inactive = new RegExp(`^${names.inactive} (\\d+)$`, 'm').exec(stat)?.[1] ?? 0;
  const bytes = limit.trim() === 'max' ? Number.POSITIVE_INFINITY : Number(limit);
  return {
    usage: Number(usage),
    workingSet: Math.max(0, Number(usage) - Number(inactive)),
    limit: bytes < noLimit ? bytes : Number.POSITIVE_INFINITY,
  };
}

async function pidsIn(dir: string): Promise<number[]> {
  try {
    const text = await readFile(join(dir, 'cgroup.procs'), 'utf8');
    return text.split('\n').filter(Boolean).map(Number);
  } catch (error) {
    if (code(error) === 'ENOENT') return [];
    throw error;
  }
}

/** cgroup v2, the unified hierarchy. */
export class UnifiedHierarchy implements CgroupHierarchy {
  readonly version = 2;
  private static readonly controllers = ['cpu', 'cpuset', 'memory', 'pids', 'io', 'hugetlb'];

  constructor(private readonly mountPoint: string) {}

  async create(path: string): Promise<void> {
    const dir = join(this.mountPoint, path);
    await mkdir(dir, { recursive: true });
    // Controllers reach a cgroup only when all its ancestors hand them down.
    const names = path.split('/').filter(Boolean);
    for (let depth = 0; depth < names.length; depth++) {
      await this.handDown(join(this.mountPoint, ...names.slice(0, depth)));
    }
    await this.handDown(dir);
  }

  private async handDown(dir: string): Promise<void> {
    const available = (await readFile(join(dir, 'cgroup.controllers'), 'utf8')).trim().split(' ');
    const enabled = (await readFile(join(dir, 'cgroup.subtree_control'), 'utf8')).trim().split(' ');
    const wanted = UnifiedHierarchy.controllers.filter((name) => available.includes(name) && !enabled.includes(name));
    if (wanted.length === 0) return;
    await writeFile(join(dir, 'cgroup.subtree_control'), wanted.map((name) => `+${name}`).join(' '));
  }

  async setLimits(path: string, limits: CgroupLimits): Promise<void> {
    const dir = join(this.mountPoint, path);
    const max = (value: number) => (value > 0 ? String(value) : 'max');
    const set = (name: string, value: string) => writeFile(join(dir, name), value);
    if (limits.cpuShares !== undefined) await set('cpu.weight', String(sharesToWeight(limits.cpuShares)));
    if (limits.cpuQuotaUs !== undefined)
      await set('cpu.max', `${max(limits.cpuQuotaUs)} ${limits.cpuPeriodUs ?? 100_000}`);
    if (limits.memoryBytes !== undefined) await set('memory.max', max(limits.memoryBytes));
    if (limits.pids !== undefined) await set('pids.max', max(limits.pids));
  }

  children(path: string): Promise<string[]> {
    return childDirs(join(this.mountPoint, path));
  }

  processes(path: string): Promise<number[]> {
    return pidsIn(join(this.mountPoint, path));
  }

  remove(path: string): Promise<void> {
    return removeTree(join(this.mountPoint, path));
  }

  memory(path: string): Promise<CgroupMemory> {
    const names = { usage: 'memory.current', limit: 'memory.max', inactive: 'inactive_file' };
    return readMemory(join(this.mountPoint, path), names);
  }
}

/** cgroup v1: a hierarchy a controller. Only those the agent sets limits in are made; the runtime makes the rest. */
export class LegacyHierarchy implements CgroupHierarchy {
  readonly version = 1;
  private static readonly limited = ['cpu', 'memory', 'pids'];

  /** @param mounts mount point by controller */
  constructor(private readonly mounts: Map<string, string>) {}

  private dirs(path: string): string[] {
    return [...new Set(this.mounts.values())].map((mount) => join(mount, path));
  }

  async create(path: string): Promise<void> {
    for (const name of LegacyHierarchy.limited) {
      const mount = this.mounts.get(name);
      if (mount) await mkdir(join(mount, path), { recursive: true });
    }
  }

  async setLimits(path: string, limits: CgroupLimits): Promise<void> {
    const set = async (controller: string, name: string, value: number) => {
      const mount = this.mounts.get(controller);
      if (mount) await writeFile(join(mount, path, name), String(value));
    };
    if (limits.cpuShares !== undefined) await set('cpu', 'cpu.shares', limits.cpuShares);
    if (limits.cpuQuotaUs !== undefined) {
      await set('cpu', 'cpu.cfs_period_us', limits.cpuPeriodUs ?? 100_000);
      await set('cpu', 'cpu.cfs_quota_us', limits.cpuQuotaUs > 0 ? limits.cpuQuotaUs : -1);
    }
    if (limits.memoryBytes !== undefined) {
      await set('memory', 'memory.limit_in_bytes', limits.memoryBytes > 0 ? limits.memoryBytes : -1);
    }
    if (limits.pids !== undefined && limits.pids > 0) await set('pids', 'pids.max', limits.pids);
  }

  async children(path: string): Promise<string[]> {
    const names = await Promise.all(this.dirs(path).map(childDirs));
    return [...new Set(names.flat())];
  }

  async processes(path: string): Promise<number[]> {
    const pids = await Promise.all(this.dirs(path).map(pidsIn));
    return [...new Set(pids.flat())];
  }

  async remove(path: string): Promise<void> {
    for (const dir of this.dirs(path)) await removeTree(dir);
  }

  memory(path: string): Promise<CgroupMemory> {
    const mount = this.mounts.get('memory');
    if (!mount) throw new Error('the memory controller is not mounted');
    const names = {
      usage: 'memory.usage_in_bytes',
      limit: 'memory.limit_in_bytes',
      inactive: 'total_inactive_file',
    };
    return readMemory(join(mount, path), names);
  }
}
