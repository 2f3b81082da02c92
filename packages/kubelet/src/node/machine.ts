import { readFileSync } from 'node:fs';
import { statfs } from 'node:fs/promises';
import { arch, availableParallelism, networkInterfaces, release, totalmem } from 'node:os';

/** What the machine is, read once. */
export interface MachineInfo {
  cpus: number;
  memoryBytes: number;
  architecture: string;
  kernelVersion: string;
  osImage: string;
  machineId: string;
  bootId: string;
  systemUuid: string;
  swapBytes: number;
}

function read(path: string): string {
  try {
    return readFileSync(path, 'utf8').trim();
  } catch {
    // Not there on this machine or not readable: the field stays empty, as with the real kubelet.
    return '';
  }
}

const architectures: Record<string, string> = {
  x64: 'amd64',
  arm64: 'arm64',
  arm: 'arm',
  ppc64: 'ppc64le',
  s390x: 's390x',
};

export function machineInfo(): MachineInfo {
  const osRelease = read('/etc/os-release');
  const swap = /^SwapTotal:\s+(\d+) kB/m.exec(read('/proc/meminfo'));
  return {
    cpus: availableParallelism(),
    memoryBytes: totalmem(),
    architecture: architectures[arch()] ?? arch(),
    kernelVersion: release(),
    osImage: /^PRETTY_NAME="?([^"\n]*)"?/m.exec(osRelease)?.[1] ?? 'Linux',
    machineId: read('/etc/machine-id') || read('/var/lib/dbus/machine-id'),
    bootId: read('/proc/sys/kernel/random/boot_id'),
    systemUuid: read('/sys/class/dmi/id/product_uuid') || read('/etc/machine-id'),
    swapBytes: Number(swap?.[1] ?? 0) * 1024,
  };
}

/** Most tasks the kernel lets be at once: kernel.pid_max, or kernel.threads-max where that is less. */
export function taskLimit(): number {
  const limits = ['pid_max', 'threads-max'].map((name) => Number(readFileSync(`/proc/sys/kernel/${name}`, 'utf8')));
  return Math.min(...limits);
}

export interface FileSystemUse {
  capacityBytes: number;
  availableBytes: number;
  usedBytes: number;
  inodes: number;
  inodesFree: number;
}

/** Size and use of the file system a path is on. */
export async function fileSystemUse(path: string): Promise<FileSystemUse> {
  const stat = await statfs(path);
  return {
    capacityBytes: stat.blocks * stat.bsize,
    availableBytes: stat.bavail * stat.bsize,
    usedBytes: (stat.blocks - stat.bfree) * stat.bsize,
    inodes: stat.files,
    inodesFree: stat.ffree,
  };
}

interface Route {
  interface: string;
  metric: number;
}

/** Interfaces of default routes, best metric first (/proc/net/route, flags RTF_UP). */
export function defaultRoutes(table: string): Route[] {
  const routes: Route[] = [];
  for (const line of table.split('\n').slice(1)) {
    const [name = '', destination, , , , , metric, mask] = line.split('\t');
    if (destination === '00000000' && mask === '00000000') routes.push({ interface: name, metric: Number(metric) });
  }
  return routes.sort((a, b) => a.metric - b.metric);
}

/** The machine's own address: on the interface of the default route, else the first that is not a container bridge. */
export function detectNodeIp(): string | undefined {
  const interfaces = networkInterfaces();
  const byRoute = defaultRoutes(read('/proc/net/route')).map((route) => route.interface);
  const bridges = /^(docker|br-|cni|veth|virbr|flannel|cali)/;
  const others = Object.keys(interfaces).filter((name) => !bridges.test(name));
  for (const name of [...byRoute, ...others]) {
    const address = interfaces[name]?.find((entry) => entry.family === 'IPv4' && !entry.internal);
    if (address) return address.address;
  }
  return undefined;
}
