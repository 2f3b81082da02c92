import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { dirname } from 'node:path';

const machineConfig = '/etc/docker/daemon.json';

/** What a node's own dockerd is told by flags (and what does not go with them); in both places Docker refuses to start. */
const ours = new Set([
  ...['data-root', 'graph', 'exec-root', 'pidfile', 'hosts', 'exec-opts', 'cgroup-parent', 'live-restore'],
  ...['log-level', 'bridge', 'bip', 'fixed-cidr', 'iptables', 'ip6tables', 'ip-forward', 'ip-masq'],
]);

/** Writes the configuration of a node's own dockerd: the machine's (registry mirrors, proxies), less what is ours to say. */
export function writeDockerdConfig(file: string, machine = machineConfig): void {
  const text = existsSync(machine) ? readFileSync(machine, 'utf8').trim() : '';
  const known = JSON.parse(text || '{}') as Record<string, unknown>;
  const kept = Object.fromEntries(Object.entries(known).filter(([name]) => !ours.has(name)));
  mkdirSync(dirname(file), { recursive: true });
  writeFileSync(file, `${JSON.stringify(kept, null, 2)}\n`);
}
