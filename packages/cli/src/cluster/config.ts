import { existsSync, readFileSync } from 'node:fs';
import { writePublicFile } from '@kubelab/pki/files';
import type { ExtraConfig } from './extra-config.js';
import type { Layout } from './layout.js';
import { type NetworkModes, networkModesOf } from './network-modes.js';

/** What was decided when the cluster was made; kept in cluster.json so that a later `up` brings back the same one. */
export interface ClusterConfig extends NetworkModes {
  name: string;
  /** `host`: this machine is the node. `lab`: each node is a network namespace. `control-plane`: nodes join later. */
  mode: 'host' | 'lab' | 'control-plane';
  /** Names of the lab's nodes, in order; their addresses follow from it. */
  labNodes: string[];
  advertiseAddress: string;
  apiServerPort: number;
  etcdPort: number;
  etcdPeerPort: number;
  etcdMetricsPort: number;
  controllerManagerPort: number;
  schedulerPort: number;
  /** This and the other networks of a dual-stack cluster: `IPV4,IPV6`. */
  podCidr: string;
  serviceCidr: string;
  clusterDns: string;
  clusterDomain: string;
  /** The link of a lab's nodes; its first address is this host's. */
  labCidr: string;
  /** Names of the enabled addons beside the required ones. */
  addons: string[];
  /** Ranges of addresses for Services of type LoadBalancer; without one they get the nodes' own. */
  loadBalancerPool: string[];
  /** Flags given by --extra-config. */
  extraConfig: ExtraConfig;
}

/** Reads cluster.json, or undefined when there is no such cluster. Throws when the file is damaged. */
export function readClusterConfig(layout: Layout): ClusterConfig | undefined {
  if (!existsSync(layout.configFile)) {
    return undefined;
  }
  try {
    const known = JSON.parse(readFileSync(layout.configFile, 'utf8')) as ClusterConfig;
    // Clusters that were made before there were these have none of them.
    return {
      ...known,
      ...networkModesOf(known),
      addons: known.addons ?? [],
      loadBalancerPool: known.loadBalancerPool ?? [],
      extraConfig: known.extraConfig ?? {},
    };
  } catch (cause) {
    throw new Error(`cannot read ${layout.configFile}: ${(cause as Error).message}`, { cause });
  }
}

export function writeClusterConfig(layout: Layout, config: ClusterConfig): void {
  writePublicFile(layout.configFile, `${JSON.stringify(config, null, 2)}\n`);
}

export function apiServerUrl(config: ClusterConfig): string {
  const host = config.advertiseAddress.includes(':') ? `[${config.advertiseAddress}]` : config.advertiseAddress;
  return `https://${host}:${config.apiServerPort}`;
}
