import { readFile } from 'node:fs/promises';

/** The `nameserver` lines of a resolv.conf(5). */
export function nameservers(text: string): string[] {
  return text
    .split('\n')
    .map((l) => /^\s*nameserver\s+(\S+)/.exec(l)?.[1])
    .filter((s) => s !== undefined);
}

const resolvedStub = /^127\.0\.0\.5[34]$/;

/**
 * Upstream servers of this machine. systemd-resolved's stub (127.0.0.53) is replaced by the servers it uses, from its
 * own file: in a pod or a namespace the stub is not there, and it may lead back to us.
 */
export async function systemNameservers(
  path = '/etc/resolv.conf',
  resolvedPath = '/run/systemd/resolve/resolv.conf',
): Promise<string[]> {
  const servers = nameservers(await readFile(path, 'utf8'));
  if (!servers.some((s) => resolvedStub.test(s))) return servers;
  try {
    return nameservers(await readFile(resolvedPath, 'utf8'));
  } catch (e) {
    if ((e as NodeJS.ErrnoException).code !== 'ENOENT') throw e;
    return servers.filter((s) => !resolvedStub.test(s));
  }
}
