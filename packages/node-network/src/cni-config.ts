import { mkdir, readFile, rename, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';

export interface CniConfigInput {
  bridgeName: string;
  /** One a family. */
  podCidrs: string[];
  mtu: number;
  ipamDataDir: string | undefined;
}

/**
 * The network of this node's pods: a bridge with hairpin (a pod may reach itself through a Service), addresses from
 * the node's pod CIDRs, host ports and bandwidth limits. Masquerading is not the bridge plugin's: it would need a
 * rule a pod and would hide pods from those of other nodes.
 */
export function cniConfig(i: CniConfigInput): string {
  const anywhere = (cidr: string) => (cidr.includes(':') ? '::/0' : '0.0.0.0/0');
  const config = {
    cniVersion: '1.0.0',
    name: 'kubelab',
    plugins: [
      {
        type: 'bridge',
        bridge: i.bridgeName,
        isGateway: true,
        ipMasq: false,
        hairpinMode: true,
        mtu: i.mtu,
        ipam: {
          type: 'host-local',
          ...(i.ipamDataDir ? { dataDir: i.ipamDataDir } : {}),
          ranges: i.podCidrs.map((subnet) => [{ subnet }]),
          routes: i.podCidrs.map((cidr) => ({ dst: anywhere(cidr) })),
        },
      },
      { type: 'portmap', capabilities: { portMappings: true }, snat: true },
      { type: 'bandwidth', capabilities: { bandwidth: true } },
    ],
  };
  return `${JSON.stringify(config, undefined, 2)}\n`;
}

/** Writes the file atomically (a runtime never reads half of it), and only if it differs. True if it was written. */
export async function writeCniConfig(dir: string, name: string, text: string): Promise<boolean> {
  await mkdir(dir, { recursive: true });
  const path = join(dir, name);
  try {
    if ((await readFile(path, 'utf8')) === text) return false;
  } catch (e) {
    if ((e as NodeJS.ErrnoException).code !== 'ENOENT') throw e;
  }
  // The name must not end in .conflist: runtimes watch for that.
  const temporary = join(dir, `.${name}.tmp`);
  await writeFile(temporary, text, { mode: 0o644 });
  await rename(temporary, path);
  return true;
}

export async function removeCniConfig(dir: string, name: string): Promise<void> {
  await rm(join(dir, name), { force: true });
}
