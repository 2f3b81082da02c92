import type { OptionSpec } from './options.js';

/**
 * The flags of a component of which one process at a time works: Kubernetes' `--leader-elect` and its kin
 * (k8s.io/component-base/config/options), and where etcd is for `--leader-elect-resource-lock=etcd`.
 * `work` says in the help what only a leader does: "Only WORK while holding the leader lease".
 */
export function leaderElectionFlags(resourceName: string, work: string): Record<string, OptionSpec> {
  return {
    'leader-elect': { type: 'boolean', default: true, description: `Only ${work} while holding the leader lease` },
    'leader-elect-lease-duration': {
      type: 'duration',
      default: '15s',
      description: 'Time until a silent leader is replaced',
    },
    'leader-elect-renew-deadline': {
      type: 'duration',
      default: '10s',
      description: 'Time a leader tries to renew before it gives up',
    },
    'leader-elect-retry-period': {
      type: 'duration',
      default: '2s',
      description: 'Time between attempts to get or renew the lease',
    },
    'leader-elect-resource-name': { type: 'string', default: resourceName, description: 'Name of the lease' },
    'leader-elect-resource-namespace': {
      type: 'string',
      default: 'kube-system',
      description: 'Namespace of the lease',
    },
    'leader-elect-resource-lock': {
      type: 'string',
      default: 'leases',
      description:
        "What is held while leading: leases (by the API server), or etcd (etcd's own lease, by --etcd-servers)",
    },
    'etcd-servers': {
      type: 'string[]',
      default: [],
      description: 'URLs of etcd, for --leader-elect-resource-lock=etcd',
    },
    'etcd-cafile': { type: 'string', description: "Authority of etcd's certificate" },
    'etcd-certfile': { type: 'string', description: 'Client certificate for etcd' },
    'etcd-keyfile': { type: 'string', description: 'Key of the client certificate for etcd' },
  };
}
