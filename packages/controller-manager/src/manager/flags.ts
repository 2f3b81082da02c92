import { readFileSync } from 'node:fs';
import { isIPv6 } from 'node:net';
import { leaderElectionFlags, type OptionSpec, type OptionValues } from '@kubelab/component-base';
import type { ManagerOptions } from '../framework/options.js';

/** Flags as Kubernetes' kube-controller-manager has them. */
export const flags: Record<string, OptionSpec> = {
  kubeconfig: { type: 'string', description: 'Kubeconfig file; in-cluster configuration without it' },
  ...leaderElectionFlags('kube-controller-manager', 'work'),
  'bind-address': { type: 'string', default: '0.0.0.0', description: 'Address for health checks and metrics' },
  'secure-port': {
    type: 'number',
    default: 10257,
    description: 'HTTPS port for health checks and metrics; 0 turns it off',
  },
  'tls-cert-file': { type: 'string', description: 'Serving certificate (PEM); self-signed in memory without it' },
  'tls-private-key-file': { type: 'string', description: 'Key of the serving certificate' },
  controllers: {
    type: 'string[]',
    default: ['*'],
    description: '* for those on by default, NAME to add, -NAME to leave out',
  },
  'use-service-account-credentials': {
    type: 'boolean',
    default: false,
    description: 'Each controller uses its own service account',
  },
  'kube-api-qps': {
    type: 'number',
    default: 0,
    description: 'Requests a second to the API server; 0 for no limit (its own fairness decides)',
  },
  'kube-api-burst': { type: 'number', default: 0, description: 'Requests at once above kube-api-qps' },
  'cluster-name': { type: 'string', default: 'kubernetes', description: 'Name of the cluster' },
  'allocate-node-cidrs': { type: 'boolean', default: false, description: 'Give each node a pod CIDR' },
  'cluster-cidr': {
    type: 'string[]',
    default: [],
    description: 'Pod CIDR of the cluster; two of different families for dual-stack',
  },
  'service-cluster-ip-range': {
    type: 'string[]',
    default: [],
    description: 'Service CIDRs, kept out of the pod CIDRs',
  },
  'load-balancer-pool': {
    type: 'string[]',
    default: [],
    description: 'Addresses for Services of type LoadBalancer: CIDRs or FIRST-LAST; none: those of the nodes',
  },
  'node-cidr-mask-size': { type: 'number', default: 0, description: 'Prefix length of node CIDRs (single-stack)' },
  'node-cidr-mask-size-ipv4': { type: 'number', default: 24, description: 'Prefix length of IPv4 node CIDRs' },
  'node-cidr-mask-size-ipv6': { type: 'number', default: 64, description: 'Prefix length of IPv6 node CIDRs' },
  'root-ca-file': { type: 'string', description: 'CA bundle to publish as kube-root-ca.crt' },
  'service-account-private-key-file': { type: 'string', description: 'Key that signs legacy service account tokens' },
  'cluster-signing-cert-file': { type: 'string', description: 'CA certificate of the CSR signers' },
  'cluster-signing-key-file': { type: 'string', description: 'CA key of the CSR signers' },
  'cluster-signing-duration': {
    type: 'duration',
    default: '8760h',
    description: 'Longest lifetime of signed certificates',
  },
  'node-monitor-period': { type: 'duration', default: '5s', description: 'Time between looks at the nodes' },
  'node-monitor-grace-period': {
    type: 'duration',
    default: '40s',
    description: 'Silence after which a node is Unknown',
  },
  'node-startup-grace-period': {
    type: 'duration',
    default: '1m0s',
    description: 'The same for a node that never reported',
  },
  'node-eviction-rate': { type: 'number', default: 0.1, description: 'Nodes a second whose pods are given up' },
  'secondary-node-eviction-rate': {
    type: 'number',
    default: 0.01,
    description: 'The same while a zone is partly down',
  },
  'unhealthy-zone-threshold': {
    type: 'number',
    default: 0.55,
    description: 'Share of lost nodes that makes a zone partly down',
  },
  'large-cluster-size-threshold': {
    type: 'number',
    default: 50,
    description: 'Smaller zones give up no pods while partly down',
  },
  'terminated-pod-gc-threshold': {
    type: 'number',
    default: 12500,
    description: 'Finished pods that may stay; 0 for all',
  },
  'horizontal-pod-autoscaler-sync-period': {
    type: 'duration',
    default: '15s',
    description: 'Time between looks at an autoscaler',
  },
  'horizontal-pod-autoscaler-downscale-stabilization': {
    type: 'duration',
    default: '5m0s',
    description: 'Time a lower recommendation must hold',
  },
  'horizontal-pod-autoscaler-tolerance': {
    type: 'number',
    default: 0.1,
    description: 'Deviation from the target that changes nothing',
  },
  'horizontal-pod-autoscaler-cpu-initialization-period': {
    type: 'duration',
    default: '5m0s',
    description: 'Time in which CPU samples of starting pods may be skipped',
  },
  'horizontal-pod-autoscaler-initial-readiness-delay': {
    type: 'duration',
    default: '30s',
    description: 'Time in which readiness changes count as start-up',
  },
  'enable-hostpath-provisioner': {
    type: 'boolean',
    default: false,
    description: 'Provision directories for storage classes of provisioner kubernetes.io/host-path',
  },
  'hostpath-provisioner-dir': {
    type: 'string',
    default: '/var/lib/kubelab/volumes',
    description: 'Where these directories are made, on the nodes',
  },
  'hostpath-provisioner-image': {
    type: 'string',
    default: 'kubelab/busybox:latest',
    description: 'Image with mkdir and rm, by which they are made and removed',
  },
  'resource-quota-sync-period': {
    type: 'duration',
    default: '5m0s',
    description: 'Time between full recalculations of quotas',
  },
  'legacy-service-account-token-clean-up-period': {
    type: 'duration',
    default: '8760h',
    description: 'Time after which unused auto-generated tokens go',
  },
  'max-endpoints-per-slice': { type: 'number', default: 100, description: 'Endpoints in one EndpointSlice' },
  'mirroring-max-endpoints-per-subset': {
    type: 'number',
    default: 1000,
    description: 'Endpoints mirrored of one subset',
  },
  'concurrent-syncs': { type: 'number', default: 5, description: 'Objects each controller works on at once' },
};

/** Checks the flags and reads the files that they name. Throws for contradictions and unreadable files. */
export function compileOptions(values: OptionValues): ManagerOptions {
  const read = (name: string): string | undefined => {
    const file = values.optionalString(name);
    return file === undefined ? undefined : readFileSync(file, 'utf8');
  };
  const certPem = read('cluster-signing-cert-file');
  const keyPem = read('cluster-signing-key-file');
  if ((certPem === undefined) !== (keyPem === undefined)) {
    throw new Error('--cluster-signing-cert-file and --cluster-signing-key-file must be given together');
  }
  const clusterCidrs = values.strings('cluster-cidr');
  const allocateNodeCidrs = values.boolean('allocate-node-cidrs');
  if (allocateNodeCidrs && clusterCidrs.length === 0) throw new Error('--allocate-node-cidrs needs --cluster-cidr');
  const families = clusterCidrs.map((cidr) => isIPv6(cidr.split('/')[0] ?? ''));
  if (clusterCidrs.length > 2 || (clusterCidrs.length === 2 && families[0] === families[1])) {
    throw new Error('--cluster-cidr takes one CIDR, or one IPv4 and one IPv6');
  }
  const single = values.number('node-cidr-mask-size');
  return {
    clusterName: values.string('cluster-name'),
    allocateNodeCidrs,
    clusterCidrs,
    serviceCidrs: values.strings('service-cluster-ip-range'),
    loadBalancerPool: values.strings('load-balancer-pool'),
    nodeCidrMaskSizeIpv4: single || values.number('node-cidr-mask-size-ipv4'),
    nodeCidrMaskSizeIpv6: single || values.number('node-cidr-mask-size-ipv6'),
    rootCaPem: read('root-ca-file'),
    serviceAccountPrivateKeyPem: read('service-account-private-key-file'),
    signingCa: certPem !== undefined && keyPem !== undefined ? { certPem, keyPem } : undefined,
    clusterSigningDurationMs: values.durationMs('cluster-signing-duration'),
    nodeMonitorPeriodMs: values.durationMs('node-monitor-period'),
    nodeMonitorGracePeriodMs: values.durationMs('node-monitor-grace-period'),
    nodeStartupGracePeriodMs: values.durationMs('node-startup-grace-period'),
    nodeEvictionRate: values.number('node-eviction-rate'),
    secondaryNodeEvictionRate: values.number('secondary-node-eviction-rate'),
    unhealthyZoneThreshold: values.number('unhealthy-zone-threshold'),
    largeClusterSizeThreshold: values.number('large-cluster-size-threshold'),
    terminatedPodGcThreshold: values.number('terminated-pod-gc-threshold'),
    horizontalPodAutoscalerSyncPeriodMs: values.durationMs('horizontal-pod-autoscaler-sync-period'),
    horizontalPodAutoscalerDownscaleStabilizationMs: values.durationMs(
      'horizontal-pod-autoscaler-downscale-stabilization',
    ),
    horizontalPodAutoscalerTolerance: values.number('horizontal-pod-autoscaler-tolerance'),
    horizontalPodAutoscalerCpuInitializationPeriodMs: values.durationMs(
      'horizontal-pod-autoscaler-cpu-initialization-period',
    ),
    horizontalPodAutoscalerInitialReadinessDelayMs: values.durationMs(
      'horizontal-pod-autoscaler-initial-readiness-delay',
    ),
    enableHostPathProvisioner: values.boolean('enable-hostpath-provisioner'),
    hostPathProvisionerDir: values.string('hostpath-provisioner-dir'),
    hostPathProvisionerImage: values.string('hostpath-provisioner-image'),
    resourceQuotaSyncPeriodMs: values.durationMs('resource-quota-sync-period'),
    legacyServiceAccountTokenCleanUpPeriodMs: values.durationMs('legacy-service-account-token-clean-up-period'),
    maxEndpointsPerSlice: values.number('max-endpoints-per-slice'),
    mirroringMaxEndpointsPerSubset: values.number('mirroring-max-endpoints-per-subset'),
    concurrentSyncs: values.number('concurrent-syncs'),
  };
}
