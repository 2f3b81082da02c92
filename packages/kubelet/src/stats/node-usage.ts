import { readFile } from 'node:fs/promises';
import { taskLimit } from '../node/machine.js';

/** Counters of the whole machine. */
export interface NodeUsage {
  time: number;
  cpuNanos: number;
  memory: { totalBytes: number; usageBytes: number; workingSetBytes: number; rssBytes: number; availableBytes: number };
  network: { name: string; rxBytes: number; rxErrors: number; txBytes: number; txErrors: number }[];
  processes: { current: number; max: number };
}

/** USER_HZ of every Linux this runs on. */
const ticksPerSecond = 100;

/** CPU time in use since boot, in nanoseconds (proc_stat(5): idle and iowait left out). */
export function parseCpuNanos(stat: string): number {
  const fields = (stat.split('\n')[0] ?? '').trim().split(/\s+/).slice(1).map(Number);
  const [user = 0, nice = 0, system = 0, , , irq = 0, softirq = 0, steal = 0] = fields;
  return ((user + nice + system + irq + softirq + steal) * 1e9) / ticksPerSecond;
}

/** Memory by /proc/meminfo; the working set leaves out what the kernel can drop at once, as cAdvisor counts it. */
export function parseMemory(meminfo: string): NodeUsage['memory'] {
  const kb = (name: string) => Number(new RegExp(`^${name}:\\s+(\\d+)`, 'm').exec(meminfo)?.[1] ?? 0) * 1024;
  const totalBytes = kb('MemTotal');
  const usageBytes = totalBytes - kb('MemFree');
  const workingSetBytes = Math.max(0, usageBytes - kb('Inactive\\(file\\)'));
  return {
    totalBytes,
    usageBytes,
    workingSetBytes,
    rssBytes: kb('AnonPages'),
    availableBytes: totalBytes - workingSetBytes,
  };
}

/** Interfaces but for the loopback (/proc/net/dev). */
export function parseNetwork(text: string): NodeUsage['network'] {
  return text
    .split('\n')
    .slice(2)
    .flatMap((line) => {
      const [name, rest] = line.split(':');
      const fields = (rest ?? '').trim().split(/\s+/).map(Number);
      if (!rest || !name || name.trim() === 'lo') return [];
      const [rxBytes = 0, , rxErrors = 0, , , , , , txBytes = 0, , txErrors = 0] = fields;
      return [{ name: name.trim(), rxBytes, rxErrors, txBytes, txErrors }];
    });
}

export async function readNodeUsage(): Promise<NodeUsage> {
  const read = (path: string) => readFile(path, 'utf8');
  const [stat, meminfo, network, load] = await Promise.all([
    read('/proc/stat'),
    read('/proc/meminfo'),
    read('/proc/self/net/dev'),
    read('/proc/loadavg'),
  ]);
  return {
    time: Date.now(),
    cpuNanos: parseCpuNanos(stat),
    memory: parseMemory(meminfo),
    network: parseNetwork(network),
    processes: { current: Number(/\/(\d+)/.exec(load)?.[1] ?? 0), max: taskLimit() },
  };
}
