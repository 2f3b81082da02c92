import type { EtcdConnection } from './connect-etcd.js';

/** The flags' values, as far as they are read here. */
interface FlagValues {
  string(name: string): string;
  optionalString(name: string): string | undefined;
  strings(name: string): string[];
}

/**
 * Where to hold an election by --leader-elect-resource-lock: undefined for `leases` (the API server's), else what an
 * EtcdElector needs. Throws for an unknown lock, and for one in etcd without --etcd-servers.
 */
export function etcdElection(
  flags: FlagValues,
  namespace: string,
  name: string,
): { etcd: EtcdConnection; prefix: string } | undefined {
  const lock = flags.string('leader-elect-resource-lock');
  if (lock === 'leases') return undefined;
  if (lock !== 'etcd') throw new Error(`--leader-elect-resource-lock=${lock} is neither leases nor etcd`);
  const servers = flags.strings('etcd-servers');
  if (servers.length === 0) throw new Error('--leader-elect-resource-lock=etcd needs --etcd-servers');
  const files = { caFile: 'etcd-cafile', certFile: 'etcd-certfile', keyFile: 'etcd-keyfile' };
  const etcd: EtcdConnection = { servers };
  for (const [field, flag] of Object.entries(files) as [keyof typeof files, string][]) {
    const path = flags.optionalString(flag);
    if (path) etcd[field] = path;
  }
  return { etcd, prefix: `/kubelab/election/${namespace}/${name}/` };
}
