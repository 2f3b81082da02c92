import { mkdir, readdir, readFile, rm, stat, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { ContainerConfigOutput, DNSConfigOutput, MountOutput } from '@kubelab/cri';

/** Where a container looks for each file, by the name it has in the sandbox' folder. */
const targets = { 'resolv.conf': '/etc/resolv.conf', hosts: '/etc/hosts' } as const;

/**
 * resolv.conf and hosts of sandboxes with a network of their own, which all containers of the pod have mounted: Docker
 * makes none for a network it did not make. On the host's network Docker's own are used.
 */
export class NetworkFiles {
  readonly #dir: string;

  constructor(stateDir: string) {
    this.#dir = join(stateDir, 'sandboxes');
  }

  async write(sandboxId: string, o: { dns: DNSConfigOutput | null; hostname: string; addresses: string[] }) {
    const dir = join(this.#dir, sandboxId);
    await mkdir(dir, { recursive: true });
    const resolv = resolvConf(o.dns) ?? (await readFile('/etc/resolv.conf', 'utf8'));
    await Promise.all([
      writeFile(join(dir, 'resolv.conf'), resolv),
      writeFile(join(dir, 'hosts'), hostsFile(o.hostname || sandboxId.slice(0, 12), o.addresses)),
    ]);
  }

  /** The mounts of a container to be, but for files it has mounts of its own for. None for sandboxes without files. */
  async mountsFor(sandboxId: string, config: ContainerConfigOutput): Promise<MountOutput[]> {
    const dir = join(this.#dir, sandboxId);
    if (!(await isFolder(dir))) return [];
    const taken = new Set(config.mounts.map((mount) => mount.container_path));
    return Object.entries(targets)
      .filter(([, target]) => !taken.has(target))
      .map(([name, target]) => ({
        container_path: target,
        host_path: join(dir, name),
        readonly: config.linux?.security_context?.readonly_rootfs ?? false,
        selinux_relabel: true,
        propagation: 'PROPAGATION_PRIVATE',
        uidMappings: [],
        gidMappings: [],
        recursive_read_only: false,
        image: null,
        image_sub_path: '',
      }));
  }

  /** The sandboxes with files. */
  async ids(): Promise<string[]> {
    await mkdir(this.#dir, { recursive: true });
    return readdir(this.#dir);
  }

  async remove(sandboxId: string): Promise<void> {
    await rm(join(this.#dir, sandboxId), { recursive: true, force: true });
  }
}

async function isFolder(path: string): Promise<boolean> {
  try {
    return (await stat(path)).isDirectory();
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return false;
    throw error;
  }
}

/** resolv.conf for a pod; undefined when nothing is asked for and the host's stays. */
export function resolvConf(dns: DNSConfigOutput | null): string | undefined {
  if (!dns || dns.servers.length + dns.searches.length + dns.options.length === 0) return undefined;
  const lines: string[] = [];
  if (dns.searches.length > 0) lines.push(`search ${dns.searches.join(' ')}`);
  for (const server of dns.servers) lines.push(`nameserver ${server}`);
  if (dns.options.length > 0) lines.push(`options ${dns.options.join(' ')}`);
  return `${lines.join('\n')}\n`;
}

/** hosts for a pod whose client mounts none: the local names, and the pod's own. */
export function hostsFile(hostname: string, addresses: string[]): string {
  const local = ['127.0.0.1\tlocalhost', '::1\tlocalhost ip6-localhost ip6-loopback', 'fe00::0\tip6-localnet'];
  const multicast = ['ff02::1\tip6-allnodes', 'ff02::2\tip6-allrouters'];
  return [...local, ...multicast, ...addresses.map((address) => `${address}\t${hostname}`), ''].join('\n');
}
