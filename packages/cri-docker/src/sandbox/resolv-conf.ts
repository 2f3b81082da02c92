import { writeFile } from 'node:fs/promises';
import type { DNSConfigOutput } from '@kubelab/cri';

/** resolv.conf for a pod; undefined when nothing is asked for and the host's stays. */
export function resolvConf(dns: DNSConfigOutput | null): string | undefined {
  if (!dns || dns.servers.length + dns.searches.length + dns.options.length === 0) return undefined;
  const lines: string[] = [];
  if (dns.searches.length > 0) lines.push(`search ${dns.searches.join(' ')}`);
  for (const server of dns.servers) lines.push(`nameserver ${server}`);
  if (dns.options.length > 0) lines.push(`options ${dns.options.join(' ')}`);
  return `${lines.join('\n')}\n`;
}

/**
 * Writes a sandbox' resolv.conf over the one Docker made, in place: all containers of the pod have that very file
 * mounted. Docker's own DNS options would leave out searches and options for containers without a network of Docker's.
 */
export async function writeResolvConf(path: string, dns: DNSConfigOutput | null): Promise<void> {
  const text = resolvConf(dns);
  if (text !== undefined && path !== '') await writeFile(path, text);
}
