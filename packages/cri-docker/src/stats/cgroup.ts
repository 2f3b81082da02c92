import { readFileSync } from 'node:fs';
import { join } from 'node:path';

/** Where cgroups are: the tree of v2, or a folder a controller. */
export const cgroupRoot = '/sys/fs/cgroup';

/** Above this a v1 memory limit is the kernel's way of saying that there is none. */
const noLimit = 2 ** 60;

/** Counters of one cgroup. Bytes, and nanoseconds of CPU time. */
export interface CgroupUsage {
  cpuNanos: number;
  memoryUsage: number;
  /** Usage less what can be dropped without a write: inactive file pages. */
  workingSet: number;
  rss: number;
  pageFaults: number;
  majorPageFaults: number;
  /** Undefined without a limit. */
  memoryLimit?: number;
  swapUsage?: number;
  processes: number;
}

/** The cgroups a process is in, by controller; undefined when it is gone. */
export function cgroupsOf(pid: number): Map<string, string> | undefined {
  return unlessGone(() => parseGroups(readFileSync(`/proc/${pid}/cgroup`, 'utf8')));
}

/**
 * The usage of a process' cgroups; undefined when they are gone. The kernel answers from memory, within microseconds:
 * to read hundreds of such files by way of libuv's threads takes ten times the CPU time.
 */
export function cgroupUsage(groups: Map<string, string>, v2: boolean, root = cgroupRoot): CgroupUsage | undefined {
  return unlessGone(() => (v2 ? usageV2(groups, root) : usageV1(groups, root)));
}

/** What is read of a cgroup or process; undefined when it is gone, or never had the file. */
export function unlessGone<T>(read: () => T): T | undefined {
  try {
    return read();
  } catch (error) {
    const code = (error as NodeJS.ErrnoException).code;
    // ENODEV: the cgroup was removed while its files were read.
    if (code === 'ENOENT' || code === 'ESRCH' || code === 'ENODEV') return undefined;
    throw error;
  }
}

/** Reads files of one cgroup by controller; with v2 all controllers are in one folder. */
export interface CgroupFiles {
  text(controller: string, file: string): string;
  number(controller: string, file: string): number;
  keyed(controller: string, file: string): Map<string, number>;
}

/** The files of the cgroup a process is in; undefined when the process is gone. Reading them throws once it is. */
export function cgroupFiles(pid: number, v2: boolean): CgroupFiles | undefined {
  const groups = cgroupsOf(pid);
  return groups && filesOf(groups, v2);
}

/** The files of the cgroups with these paths. */
export function filesOf(groups: Map<string, string>, v2: boolean, root = cgroupRoot): CgroupFiles {
  const path = (controller: string, file: string) =>
    v2 ? join(root, groups.get('') ?? '/', file) : join(root, controller, groups.get(controller) ?? '/', file);
  return {
    text: (controller, file) => readFileSync(path(controller, file), 'utf8'),
    number: (controller, file) => number(path(controller, file)),
    keyed: (controller, file) => keyed(path(controller, file)),
  };
}

/** /proc/PID/cgroup: each controller (`''` for v2) to its path. */
export function parseGroups(text: string): Map<string, string> {
  const groups = new Map<string, string>();
  for (const line of text.split('\n')) {
    const match = /^\d+:([^:]*):(.*)$/.exec(line);
    if (match) for (const controller of (match[1] ?? '').split(',')) groups.set(controller, match[2] ?? '/');
  }
  return groups;
}

function usageV1(groups: Map<string, string>, root: string): CgroupUsage {
  const dir = (controller: string) => join(root, controller, groups.get(controller) ?? '/');
  const usage = number(join(dir('memory'), 'memory.usage_in_bytes'));
  const limit = number(join(dir('memory'), 'memory.limit_in_bytes'));
  const stat = keyed(join(dir('memory'), 'memory.stat'));
  const of = (key: string) => stat.get(key) ?? 0;
  return {
    cpuNanos: number(join(dir('cpuacct'), 'cpuacct.usage')),
    memoryUsage: usage,
    workingSet: Math.max(0, usage - of('total_inactive_file')),
    rss: of('total_rss'),
    pageFaults: of('total_pgfault'),
    majorPageFaults: of('total_pgmajfault'),
    ...(limit < noLimit ? { memoryLimit: limit } : {}),
    ...(stat.has('total_swap') ? { swapUsage: of('total_swap') } : {}),
    processes: number(join(dir('pids'), 'pids.current')),
  };
}

function usageV2(groups: Map<string, string>, root: string): CgroupUsage {
  const dir = join(root, groups.get('') ?? '/');
  const usage = number(join(dir, 'memory.current'));
  const limit = number(join(dir, 'memory.max'));
  const stat = keyed(join(dir, 'memory.stat'));
  // There is none on a kernel without swap accounting.
  const swap = unlessGone(() => number(join(dir, 'memory.swap.current')));
  const of = (key: string) => stat.get(key) ?? 0;
  return {
    cpuNanos: (keyed(join(dir, 'cpu.stat')).get('usage_usec') ?? 0) * 1000,
    memoryUsage: usage,
    workingSet: Math.max(0, usage - of('inactive_file')),
    rss: of('anon'),
    pageFaults: of('pgfault'),
    majorPageFaults: of('pgmajfault'),
    ...(Number.isFinite(limit) ? { memoryLimit: limit } : {}),
    ...(swap === undefined ? {} : { swapUsage: swap }),
    processes: number(join(dir, 'pids.current')),
  };
}

function number(file: string): number {
  const text = readFileSync(file, 'utf8').trim();
  return text === 'max' ? Number.POSITIVE_INFINITY : Number(text);
}

function keyed(file: string): Map<string, number> {
  const values = new Map<string, number>();
  for (const line of readFileSync(file, 'utf8').split('\n')) {
    const space = line.indexOf(' ');
    if (space > 0) values.set(line.slice(0, space), Number(line.slice(space + 1)));
  }
  return values;
}
