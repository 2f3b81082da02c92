import { leaderElectionFlags, type OptionSpec } from '@kubelab/component-base';

/** Flags as Kubernetes' kube-scheduler has them. */
export const flags: Record<string, OptionSpec> = {
  kubeconfig: { type: 'string', description: 'Kubeconfig file; in-cluster configuration without it' },
  'scheduler-config': {
    type: 'string',
    description:
      'KubeSchedulerConfiguration file (v1beta1 to v1): profiles, plugins, extenders. --config takes such a file too',
  },
  ...leaderElectionFlags('kube-scheduler', 'schedule'),
  'bind-address': { type: 'string', default: '0.0.0.0', description: 'Address for health checks and metrics' },
  'secure-port': { type: 'number', default: 10259, description: 'HTTPS port for health and metrics; 0 turns it off' },
  'tls-cert-file': { type: 'string', description: 'Serving certificate (PEM); self-signed in memory without it' },
  'tls-private-key-file': { type: 'string', description: 'Key of the serving certificate' },
  'kube-api-qps': { type: 'number', default: 0, description: 'Requests a second to the API server; 0 for no limit' },
  'kube-api-burst': { type: 'number', default: 0, description: 'Requests at once above kube-api-qps' },
};
