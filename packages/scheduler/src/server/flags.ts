import type { OptionSpec } from '@kubelab/component-base';

/** Flags as Kubernetes' kube-scheduler has them. */
export const flags: Record<string, OptionSpec> = {
  kubeconfig: { type: 'string', description: 'Kubeconfig file; in-cluster configuration without it' },
  'scheduler-config': {
    type: 'string',
    description:
      'KubeSchedulerConfiguration file (v1beta1 to v1): profiles, plugins, extenders. --config takes such a file too',
  },
  'leader-elect': { type: 'boolean', default: true, description: 'Only schedule while holding the leader lease' },
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
  'leader-elect-resource-name': { type: 'string', default: 'kube-scheduler', description: 'Name of the lease' },
  'leader-elect-resource-namespace': { type: 'string', default: 'kube-system', description: 'Namespace of the lease' },
  'leader-elect-resource-lock': {
    type: 'string',
    default: 'leases',
    description:
      "What is held while leading: leases (by the API server), or etcd (etcd's own lease, by --etcd-servers)",
  },
  'etcd-servers': { type: 'string[]', default: [], description: 'URLs of etcd, for --leader-elect-resource-lock=etcd' },
  'etcd-cafile': { type: 'string', description: "Authority of etcd's certificate" },
  'etcd-certfile': { type: 'string', description: 'Client certificate for etcd' },
  'etcd-keyfile': { type: 'string', description: 'Key of the client certificate for etcd' },
  'bind-address': { type: 'string', default: '0.0.0.0', description: 'Address for health checks and metrics' },
  'secure-port': { type: 'number', default: 10259, description: 'HTTPS port for health and metrics; 0 turns it off' },
  'tls-cert-file': { type: 'string', description: 'Serving certificate (PEM); self-signed in memory without it' },
  'tls-private-key-file': { type: 'string', description: 'Key of the serving certificate' },
  'kube-api-qps': { type: 'number', default: 0, description: 'Requests a second to the API server; 0 for no limit' },
  'kube-api-burst': { type: 'number', default: 0, description: 'Requests at once above kube-api-qps' },
};
