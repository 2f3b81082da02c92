import { readFile, writeFile } from 'node:fs/promises';
import { availableParallelism } from 'node:os';
import type { Logger } from '@kubelab/component-base';

/** kube-proxy's --conntrack-*. Times in seconds; 0 leaves the kernel's value. */
export interface ConntrackOptions {
  /** Tracked flows for each core; 0: the limit is left as it is. */
  maxPerCore: number;
  /** Tracked flows at least. */
  min: number;
  /** The limit may be lowered too: it was asked for, not just defaulted. */
  mayLower: boolean;
  tcpEstablished: number;
  tcpCloseWait: number;
  tcpBeLiberal: boolean;
  udp: number;
  udpStream: number;
}

/** kube-proxy's defaults. */
export const defaultConntrack: ConntrackOptions = {
  maxPerCore: 32_768,
  min: 131_072,
  mayLower: false,
  tcpEstablished: 24 * 3600,
  tcpCloseWait: 3600,
  tcpBeLiberal: false,
  udp: 0,
  udpStream: 0,
};

const folder = '/proc/sys/net/netfilter';
const hashSizeFile = '/sys/module/nf_conntrack/parameters/hashsize';

/** Settings to be written, by name: what differs from `now`, which holds the kernel's values (undefined: not there). */
export function conntrackSettings(
  o: ConntrackOptions,
  cores: number,
  now: (name: string) => number | undefined,
): Map<string, number> {
  const out = new Map<string, number>();
  const want = (name: string, value: number, isWanted = value > 0) => {
    if (isWanted && now(name) !== value) out.set(name, value);
  };
  const max = Math.max(o.maxPerCore * cores, o.min);
  want('nf_conntrack_max', max, o.maxPerCore > 0 && (o.mayLower || (now('nf_conntrack_max') ?? 0) < max));
  want('nf_conntrack_tcp_timeout_established', o.tcpEstablished);
  want('nf_conntrack_tcp_timeout_close_wait', o.tcpCloseWait);
  want('nf_conntrack_tcp_be_liberal', 1, o.tcpBeLiberal);
  want('nf_conntrack_udp_timeout', o.udp);
  want('nf_conntrack_udp_timeout_stream', o.udpStream);
  return out;
}

/**
 * Sets them in this process's network namespace. What can't be written (the limit belongs to the machine, not to a
 * namespace; a container's /proc may be read-only) is logged: the proxy works without, as kube-proxy does.
 */
export async function setConntrack(o: ConntrackOptions, logger: Logger): Promise<void> {
  const values = new Map<string, number>();
  const names = ['max', 'tcp_timeout_established', 'tcp_timeout_close_wait', 'tcp_be_liberal', 'udp_timeout'];
  for (const name of [...names, 'udp_timeout_stream'].map((n) => `nf_conntrack_${n}`)) {
    const text = await readFile(`${folder}/${name}`, 'utf8').catch(() => undefined);
    if (text !== undefined) values.set(name, Number(text));
  }
  for (const [name, value] of conntrackSettings(o, availableParallelism(), (n) => values.get(n))) {
    try {
      // The table should have a bucket for four flows.
      if (name === 'nf_conntrack_max') await growTable(value);
      await writeFile(`${folder}/${name}`, String(value));
      logger.info('Set conntrack', { name, value, before: values.get(name) });
    } catch (error) {
      logger.info('Cannot set conntrack', { name, value, error: String(error) });
    }
  }
}

async function growTable(max: number): Promise<void> {
  const size = Number(await readFile(hashSizeFile, 'utf8'));
  if (size < max / 4) await writeFile(hashSizeFile, String(Math.trunc(max / 4)));
}
