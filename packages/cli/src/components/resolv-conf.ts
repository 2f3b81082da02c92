import { existsSync, readFileSync } from 'node:fs';

const own = '/etc/resolv.conf';
/** Where systemd-resolved writes the servers it asks, when /etc/resolv.conf names its stub on 127.0.0.53. */
const resolved = '/run/systemd/resolve/resolv.conf';

/**
 * The resolv.conf that pods inherit. A server on the machine's loopback is out of a pod's reach, so systemd-resolved's
 * list of servers is taken where there is one, as kubeadm does.
 */
export function podResolvConf(paths = { own, resolved }): string {
  if (!existsSync(paths.own) || !existsSync(paths.resolved)) return paths.own;
  const servers = [...readFileSync(paths.own, 'utf8').matchAll(/^\s*nameserver\s+(\S+)/gm)].map(([, server]) => server);
  const onlyLoopback = servers.every((server) => server?.startsWith('127.') || server === '::1');
  return onlyLoopback ? paths.resolved : paths.own;
}
