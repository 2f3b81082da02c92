import { readFile } from 'node:fs/promises';
import { isIP } from 'node:net';

/** The `nameserver` lines of a resolv.conf(5). Those that are no address (with a zone, say) can't be asked. */
export function nameservers(text: string): string[] {
  return text
    .split('\n')
    .map((l) => /^\s*nameserver\s+(\S+)/.exec(l)?.[1])
    .filter((s) => s !== undefined && isIP(s) !== 0) as string[];
}

const resolvedStub = /^127\.0\.0\.5[34]$/;

/**
 * Upstream servers of this machine; none if the file is not there. systemd-resolved's stub (127.0.0.53) is replaced by
 * the servers it uses, from its own file: in a pod or a namespace the stub is not there, and it may lead back to us.
 */
export async function systemNameservers(
  path = '/etc/resolv.conf',
  resolvedPath = '/run/systemd/resolve/resolv.conf',
): Promise<string[]> {
  const servers = await read(path);
  if (!servers.some((s) => resolvedStub.test(s))) return servers;
  const real = await read(resolvedPath);
  return [...new Set([...servers.filter((s) => !resolvedStub.test(s)), ...real])];
}

async function read(path: string): Promise<string[]> {
  try {
    return nameservers(await readFile(path, 'utf8'));
  } catch (e) {
    if ((e as NodeJS.ErrnoException).code !== 'ENOENT') throw e;
    return [];
  }
}
