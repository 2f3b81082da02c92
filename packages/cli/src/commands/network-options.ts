import type { OptionSpecs, OptionValues } from '@kubelab/component-base';
import { nthAddress, nthIpv6Address, ofFamily, primaryAddress } from '../cluster/address.js';
import type { ClusterConfig } from '../cluster/config.js';
import { defaultNetworkModes, proxyModes, routeModes } from '../cluster/network-modes.js';
import { UsageError } from '../command.js';

/** Networks that --dual-stack adds. */
const ipv6Networks = {
  'pod-cidr': 'fd00:10:244::/56',
  'service-cidr': 'fd00:10:96::/112',
  'lab-cidr': 'fd00:10:30::/64',
};

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
  'proxy-mode': {
    type: 'string',
    default: defaultNetworkModes.proxyMode,
    description: `How Services are programmed: ${proxyModes.join(', ')}`,
  },
  'route-mode': {
    type: 'string',
    default: defaultNetworkModes.routeMode,
    description: `How pods of other nodes are reached: ${routeModes.join(', ')}; auto: VXLAN where no link is shared`,
  },
  'dual-stack': {
    type: 'boolean',
    default: false,
    description: `IPv6 beside IPv4: adds ${Object.values(ipv6Networks).join(', ')} to the pod, Service and lab networks that name none`,
  },
};

/** A new cluster's configuration from the options. Throws a UsageError for a network that is none. */
export function newClusterConfig(
  options: OptionValues,
  name: string,
  mode: ClusterConfig['mode'],
  labNodes: string[],
): ClusterConfig {
  const offset = options.number('port-offset');
  const podCidr = networkFrom(options, 'pod-cidr');
  const serviceCidr = networkFrom(options, 'service-cidr');
  const labCidr = networkFrom(options, 'lab-cidr');
  if (new Set([podCidr, serviceCidr, labCidr].map((cidr) => cidr.includes(':'))).size > 1) {
    throw new UsageError('--pod-cidr, --service-cidr and --lab-cidr must name an IPv6 network all or none');
  }
  const first = (cidr: string, n: number) => nthAddress(ofFamily(cidr, 'ipv4') ?? '', n);
  return {
    name,
    mode,
    labNodes,
    advertiseAddress:
      options.optionalString('advertise-address') ?? (mode === 'lab' ? first(labCidr, 1) : primaryAddress()),
    apiServerPort: options.number('apiserver-port'),
    etcdPort: 2379 + offset,
    etcdPeerPort: 2380 + offset,
    etcdMetricsPort: 2381 + offset,
    controllerManagerPort: 10257 + offset,
    schedulerPort: 10259 + offset,
    podCidr,
    serviceCidr,
    clusterDns: first(serviceCidr, 10),
    clusterDomain: options.string('cluster-domain'),
    labCidr,
    proxyMode: oneOf(options, 'proxy-mode', proxyModes),
    routeMode: oneOf(options, 'route-mode', routeModes),
    addons: [],
    loadBalancerPool: [],
    extraConfig: {},
  };
}

/** One of the names an option may have. Throws a UsageError for another. */
function oneOf<T extends string>(options: OptionValues, name: string, names: readonly T[]): T {
  const given = options.string(name);
  const found = names.find((known) => known === given);
  if (!found) {
    throw new UsageError(`--${name}=${given}: it is one of ${names.join(', ')}`);
  }
  return found;
}

/** `IPV4` or `IPV4,IPV6`. Throws a UsageError for anything else. */
function networkFrom(options: OptionValues, name: keyof typeof ipv6Networks): string {
  const given = options.string(name);
  const [ipv4 = '', ipv6 = options.boolean('dual-stack') ? ipv6Networks[name] : undefined, ...more] = given.split(',');
  try {
    if (more.length > 0) {
      throw new Error('one IPv4 network, and one IPv6 network after it');
    }
    nthAddress(ipv4, 1);
    if (ipv6 !== undefined) {
      nthIpv6Address(ipv6, 1);
    }
  } catch (cause) {
    throw new UsageError(`--${name}: ${(cause as Error).message}`, { cause });
  }
  return ipv6 === undefined ? ipv4 : `${ipv4},${ipv6}`;
}
