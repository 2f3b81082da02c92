import { readFile } from 'node:fs/promises';
import { join } from 'node:path';

const root = '/sys/fs/cgroup';

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

/** The usage of the cgroup a process is in; undefined when the process is gone. */
export async function cgroupUsage(pid: number, v2: boolean): Promise<CgroupUsage | undefined> {
  try {
    const groups = parseGroups(await readFile(`/proc/${pid}/cgroup`, 'utf8'));
    return v2 ? await usageV2(groups) : await usageV1(groups);
  } catch (error) {
    const code = (error as NodeJS.ErrnoException).code;
    // ENODEV: the cgroup was removed while its files were read.
    if (code === 'ENOENT' || code === 'ESRCH' || code === 'ENODEV') return undefined;
    throw error;
  }
}

/** Reads files of one cgroup by controller; with v2 all controllers are in one folder. */
export interface CgroupFiles {
  text(controller: string, file: string): Promise<string>;
  number(controller: string, file: string): Promise<number>;
  keyed(controller: string, file: string): Promise<Map<string, number>>;
}

/** The files of the cgroup a process is in; undefined when the process is gone. */
export async function cgroupFiles(pid: number, v2: boolean): Promise<CgroupFiles | undefined> {
  const text = await readFile(`/proc/${pid}/cgroup`, 'utf8').catch(() => undefined);
  if (text === undefined) return undefined;
  const groups = parseGroups(text);
  const path = (controller: string, file: string) =>
    v2 ? join(root, groups.get('') ?? '/', file) : join(root, controller, groups.get(controller) ?? '/', file);
  return {
    text: (controller, file) => readFile(path(controller, file), 'utf8'),
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

async function usageV1(groups: Map<string, string>): Promise<CgroupUsage> {
  const dir = (controller: string) => join(root, controller, groups.get(controller) ?? '/');
  const [cpu, usage, limit, stat, pids] = await Promise.all([
    number(join(dir('cpuacct'), 'cpuacct.usage')),
    number(join(dir('memory'), 'memory.usage_in_bytes')),
    number(join(dir('memory'), 'memory.limit_in_bytes')),
    keyed(join(dir('memory'), 'memory.stat')),
    number(join(dir('pids'), 'pids.current')),
  ]);
  const of = (key: string) => stat.get(key) ?? 0;
  return {
    cpuNanos: cpu,
    memoryUsage: usage,
    workingSet: Math.max(0, usage - of('total_inactive_file')),
    rss: of('total_rss'),
    pageFaults: of('total_pgfault'),
    majorPageFaults: of('total_pgmajfault'),
    ...(limit < noLimit ? { memoryLimit: limit } : {}),
    ...(stat.has('total_swap') ? { swapUsage: of('total_swap') } : {}),
    processes: pids,
  };
}

async function usageV2(groups: Map<string, string>): Promise<CgroupUsage> {
  const dir = join(root, groups.get('') ?? '/');
  const [cpu, usage, limit, stat, swap, pids] = await Promise.all([
    keyed(join(dir, 'cpu.stat')),
    number(join(dir, 'memory.current')),
    number(join(dir, 'memory.max')),
    keyed(join(dir, 'memory.stat')),
    // There is none on a kernel without swap accounting.
    number(join(dir, 'memory.swap.current')).catch(() => undefined),
    number(join(dir, 'pids.current')),
  ]);
  const of = (key: string) => stat.get(key) ?? 0;
  return {
    cpuNanos: (cpu.get('usage_usec') ?? 0) * 1000,
    memoryUsage: usage,
    workingSet: Math.max(0, usage - of('inactive_file')),
    rss: of('anon'),
    pageFaults: of('pgfault'),
    majorPageFaults: of('pgmajfault'),
    ...(Number.isFinite(limit) ? { memoryLimit: limit } : {}),
    ...(swap === undefined ? {} : { swapUsage: swap }),
    processes: pids,
  };
}

async function number(file: string): Promise<number> {
  const text = (await readFile(file, 'utf8')).trim();
  return text === 'max' ? Number.POSITIVE_INFINITY : Number(text);
}

async function keyed(file: string): Promise<Map<string, number>> {
  const lines = (await readFile(file, 'utf8')).split('\n').map((line) => line.split(' '));
  return new Map(lines.filter((parts) => parts.length === 2).map(([key = '', value]) => [key, Number(value)]));
}
