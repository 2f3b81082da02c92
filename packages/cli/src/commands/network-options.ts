import type { OptionSpecs, OptionValues } from '@kubelab/component-base';
import { nthAddress, primaryAddress } from '../cluster/address.js';
import type { ClusterConfig } from '../cluster/config.js';
import { UsageError } from '../command.js';

/** Options that are decided when a cluster is made and kept from then on. */
export const networkOptions: OptionSpecs = {
  'advertise-address': {
    type: 'string',
    description: 'Address by which nodes reach the API server; default: the first of this machine, or of the lab',
  },
  'apiserver-port': { type: 'number', default: 6443, description: 'Port of the API server' },
  'port-offset': {
    type: 'number',
    default: 0,
    description: 'Added to the ports of etcd, controller manager and scheduler, for a second cluster on a machine',
  },
  'pod-cidr': { type: 'string', default: '10.244.0.0/16', description: 'Network of the pods, a /24 a node' },
  'service-cidr': { type: 'string', default: '10.96.0.0/16', description: 'Network of the Services' },
  'cluster-domain': { type: 'string', default: 'cluster.local', description: 'DNS domain of the cluster' },
  'lab-cidr': { type: 'string', default: '10.30.0.0/24', description: "Network of a lab's nodes" },
};

/** A new cluster's configuration from the options. Throws a UsageError for a network that is none. */
export function newClusterConfig(
  options: OptionValues,
  name: string,
  mode: ClusterConfig['mode'],
  labNodes: string[],
): ClusterConfig {
  const offset = options.number('port-offset');
  for (const cidr of ['pod-cidr', 'service-cidr', 'lab-cidr']) {
    try {
      nthAddress(options.string(cidr), 1);
    } catch (cause) {
      throw new UsageError(`--${cidr}: ${(cause as Error).message}`, { cause });
    }
  }
  const labCidr = options.string('lab-cidr');
  return {
    name,
    mode,
    labNodes,
    advertiseAddress:
      options.optionalString('advertise-address') ?? (mode === 'lab' ? nthAddress(labCidr, 1) : primaryAddress()),
    apiServerPort: options.number('apiserver-port'),
    etcdPort: 2379 + offset,
    etcdPeerPort: 2380 + offset,
    etcdMetricsPort: 2381 + offset,
    controllerManagerPort: 10257 + offset,
    schedulerPort: 10259 + offset,
    podCidr: options.string('pod-cidr'),
    serviceCidr: options.string('service-cidr'),
    clusterDns: nthAddress(options.string('service-cidr'), 10),
    clusterDomain: options.string('cluster-domain'),
    labCidr,
    addons: [],
    loadBalancerPool: [],
  };
}
