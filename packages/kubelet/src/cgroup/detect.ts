import { readFile } from 'node:fs/promises';
import { type MountEntry, parseMountInfo } from '../volumes/mounts.js';
import { type CgroupHierarchy, LegacyHierarchy, UnifiedHierarchy } from './hierarchy.js';

const controllers = [
  'cpu',
  'cpuacct',
  'cpuset',
  'memory',
  'pids',
  'blkio',
  'devices',
  'freezer',
  'net_cls',
  'net_prio',
  'perf_event',
  'hugetlb',
];

/** The cgroup hierarchies that are mounted here. Throws when there are none. */
export async function detectCgroups(): Promise<CgroupHierarchy> {
  const mountInfo = await readFile('/proc/self/mountinfo', 'utf8');
  const found = hierarchyOf(parseMountInfo(mountInfo), mountInfo);
  if (!found) throw new Error('no cgroup file system is mounted');
  return found;
}

/** v2 when it is what /sys/fs/cgroup is; with v1 controllers mounted, those count (the hybrid layout). */
export function hierarchyOf(mounts: MountEntry[], mountInfo: string): CgroupHierarchy | undefined {
  const legacy = new Map<string, string>();
  for (const mount of mounts.filter((entry) => entry.fsType === 'cgroup')) {
    const options = superOptions(mountInfo, mount.mountPoint);
    for (const name of controllers) if (options.includes(name)) legacy.set(name, mount.mountPoint);
    const named = options.find((option) => option.startsWith('name='));
    if (named) legacy.set(named, mount.mountPoint);
  }
  if (legacy.has('memory') || legacy.has('cpu')) return new LegacyHierarchy(legacy);
  const unified = mounts.find((entry) => entry.fsType === 'cgroup2');
  return unified ? new UnifiedHierarchy(unified.mountPoint) : undefined;
}

/** Super-block options of a mount: the last field of its line, where v1 names its controllers. */
function superOptions(mountInfo: string, mountPoint: string): string[] {
  const line = mountInfo.split('\n').find((text) => text.split(' ')[4] === mountPoint && text.includes(' - cgroup '));
  return line?.split(' ').at(-1)?.split(',') ?? [];
}
