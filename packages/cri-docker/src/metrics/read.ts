import { readdir, readFile, readlink, statfs } from 'node:fs/promises';
import { join } from 'node:path';
import { type CgroupFiles, cgroupFiles, unlessGone } from '../stats/cgroup.js';
import type { MetricName } from './descriptors.js';

/** One value of a metric with the labels it has beside the common ones. */
export interface Sample {
  name: MetricName;
  value: number;
  labels?: string[];
}

/** What of the machine a container's metrics are read from. */
export interface MetricSource {
  pid: number;
  cgroupV2: boolean;
  upperDir: string;
  /** Bytes of the writable layer. */
  layerBytes: number;
}

/** Metrics of the container a process belongs to. Those the kernel does not have are left out. */
export async function containerSamples(source: MetricSource): Promise<Sample[]> {
  const files = cgroupFiles(source.pid, source.cgroupV2);
  const groups = files && unlessGone(() => cgroupSamples(files, source.cgroupV2));
  if (!groups) return [];
  return [...groups, ...(await processSamples(files)), ...(await diskSamples(source))];
}

/** CPU time and memory of a cgroup. */
export function cgroupSamples(files: CgroupFiles, v2: boolean): Sample[] {
  return [...cpuSamples(files, v2), ...memorySamples(files, v2)];
}

function cpuSamples(files: CgroupFiles, v2: boolean): Sample[] {
  const stat = files.keyed('cpu', 'cpu.stat');
  const seconds = (value: number, unit: number) => Math.floor(value / unit);
  const cfs: Sample[] = [
    { name: 'container_cpu_cfs_periods_total', value: stat.get('nr_periods') ?? 0 },
    { name: 'container_cpu_cfs_throttled_periods_total', value: stat.get('nr_throttled') ?? 0 },
    {
      name: 'container_cpu_cfs_throttled_seconds_total',
      value: v2 ? seconds(stat.get('throttled_usec') ?? 0, 1e6) : seconds(stat.get('throttled_time') ?? 0, 1e9),
    },
  ];
  if (v2) {
    return [
      ...cfs,
      {
        name: 'container_cpu_usage_seconds_total',
        value: seconds(stat.get('usage_usec') ?? 0, 1e6),
        labels: ['total'],
      },
      { name: 'container_cpu_user_seconds_total', value: seconds(stat.get('user_usec') ?? 0, 1e6) },
      { name: 'container_cpu_system_seconds_total', value: seconds(stat.get('system_usec') ?? 0, 1e6) },
    ];
  }
  // In ticks of a hundredth of a second.
  const ticks = files.keyed('cpuacct', 'cpuacct.stat');
  const usage = files.number('cpuacct', 'cpuacct.usage');
  return [
    ...cfs,
    { name: 'container_cpu_usage_seconds_total', value: seconds(usage, 1e9), labels: ['total'] },
    { name: 'container_cpu_user_seconds_total', value: seconds(ticks.get('user') ?? 0, 100) },
    { name: 'container_cpu_system_seconds_total', value: seconds(ticks.get('system') ?? 0, 100) },
  ];
}

function memorySamples(files: CgroupFiles, v2: boolean): Sample[] {
  const stat = files.keyed('memory', 'memory.stat');
  const of = (key: string) => stat.get(key) ?? 0;
  const number = (file: string) => unlessGone(() => files.number('memory', file)) ?? 0;
  const usage = number(v2 ? 'memory.current' : 'memory.usage_in_bytes');
  const peak = number(v2 ? 'memory.peak' : 'memory.max_usage_in_bytes');
  const events = files.keyed('memory', v2 ? 'memory.events' : 'memory.oom_control');
  const failures = v2 ? (events.get('max') ?? 0) : number('memory.failcnt');
  const kernel = v2 ? of('kernel') : number('memory.kmem.usage_in_bytes');
  const inactive = v2 ? of('inactive_file') : of('total_inactive_file');
  const faults = (type: string, key: string): Sample => ({
    name: 'container_memory_failures_total',
    value: of(key),
    labels: [type, 'container'],
  });
  return [
    { name: 'container_memory_cache', value: v2 ? of('file') : of('total_cache') },
    { name: 'container_memory_failcnt', value: failures },
    faults('pgfault', v2 ? 'pgfault' : 'total_pgfault'),
    faults('pgmajfault', v2 ? 'pgmajfault' : 'total_pgmajfault'),
    { name: 'container_memory_kernel_usage', value: kernel },
    { name: 'container_memory_mapped_file', value: v2 ? of('file_mapped') : of('total_mapped_file') },
    { name: 'container_memory_max_usage_bytes', value: peak },
    { name: 'container_memory_rss', value: v2 ? of('anon') : of('total_rss') },
    { name: 'container_memory_swap', value: v2 ? number('memory.swap.current') : of('total_swap') },
    { name: 'container_memory_usage_bytes', value: usage },
    { name: 'container_memory_working_set_bytes', value: Math.max(0, usage - inactive) },
    { name: 'container_oom_events_total', value: events.get('oom_kill') ?? 0 },
  ];
}

async function processSamples(files: CgroupFiles | undefined): Promise<Sample[]> {
  const counts = files && unlessGone(() => processCounts(files));
  if (!counts) return [];
  const { pids, max, threads } = counts;
  const opened = (await Promise.all(pids.map((pid) => openFiles(pid)))).flat();
  return [
    { name: 'container_processes', value: pids.length },
    { name: 'container_threads', value: threads },
    { name: 'container_threads_max', value: max === 'max' ? 0 : Number(max) },
    { name: 'container_file_descriptors', value: opened.length },
    { name: 'container_sockets', value: opened.filter((target) => target.startsWith('socket:')).length },
  ];
}

function processCounts(files: CgroupFiles) {
  return {
    pids: files.text('pids', 'cgroup.procs').split('\n').filter(Boolean),
    max: files.text('pids', 'pids.max').trim(),
    threads: files.number('pids', 'pids.current'),
  };
}

/** What a process has open; nothing once it has ended. */
async function openFiles(pid: string): Promise<string[]> {
  const dir = `/proc/${pid}/fd`;
  const names = await readdir(dir).catch(() => []);
  return Promise.all(names.map((name) => readlink(join(dir, name)).catch(() => '')));
}

async function diskSamples({ upperDir, layerBytes }: MetricSource): Promise<Sample[]> {
  if (upperDir === '') return [];
  const fs = await statfs(upperDir);
  const labels = [''];
  return [
    { name: 'container_fs_inodes_free', value: fs.ffree, labels },
    { name: 'container_fs_inodes_total', value: fs.files, labels },
    { name: 'container_fs_limit_bytes', value: fs.blocks * fs.bsize, labels },
    { name: 'container_fs_usage_bytes', value: layerBytes, labels },
  ];
}

const networkFields: [MetricName, number][] = [
  ['container_network_receive_bytes_total', 0],
  ['container_network_receive_packets_total', 1],
  ['container_network_receive_errors_total', 2],
  ['container_network_receive_packets_dropped_total', 3],
  ['container_network_transmit_bytes_total', 8],
  ['container_network_transmit_packets_total', 9],
  ['container_network_transmit_errors_total', 10],
  ['container_network_transmit_packets_dropped_total', 11],
];

/** Metrics of the interfaces in a sandbox' network namespace. */
export async function networkSamples(pid: number): Promise<Sample[]> {
  const text = await readFile(`/proc/${pid}/net/dev`, 'utf8').catch(() => '');
  return text.split('\n').flatMap((line) => {
    const match = /^\s*([^:\s]+):\s*(.*)$/.exec(line);
    if (!match || match[1] === 'lo') return [];
    const fields = (match[2] ?? '').trim().split(/\s+/).map(Number);
    return networkFields.map(([name, index]) => ({ name, value: fields[index] ?? 0, labels: [match[1] ?? ''] }));
  });
}
