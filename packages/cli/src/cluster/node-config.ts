import { existsSync, readFileSync } from 'node:fs';
import { writePublicFile } from '@kubelab/pki/files';
import type { ExtraFlags } from './extra-config.js';
import type { NodeLayout } from './layout.js';
import { type NetworkModes, networkModesOf } from './network-modes.js';

/** What was decided when the machine joined; kept in node.json so that its processes can be started again. */
export interface NodeConfig extends NetworkModes {
  nodeName: string;
  nodeIp: string;
  podCidr: string;
  clusterDns: string;
  clusterDomain: string;
  /** cgroup under which all of the node's pods are. */
  cgroupRoot: string;
  /** Empty with `criEndpoint`. */
  dockerSocket: string;
  /** cgroup driver of the node's own dockerd. Nodes that joined before it could be systemd have none written down. */
  cgroupDriver?: 'cgroupfs' | 'systemd';
  /** Whether dockerd is the node's own, started and removed with it. */
  ownDocker: boolean;
  /** CRI socket of a runtime of the user's, which pods run on instead of Docker: unix:///PATH. */
  criEndpoint?: string;
  /** Names of the cluster's addons when the machine last asked. */
  addons: string[];
  /** The agent's flags of the cluster's --extra-config. */
  extraFlags: ExtraFlags;
}

const file = (node: NodeLayout) => `${node.etcDir}/node.json`;

export function readNodeConfig(node: NodeLayout): NodeConfig | undefined {
  if (!existsSync(file(node))) {
    return undefined;
  }
  const known = JSON.parse(readFileSync(file(node), 'utf8')) as NodeConfig;
  // Machines that joined before there were these know none.
  return { ...known, ...networkModesOf(known), addons: known.addons ?? [], extraFlags: known.extraFlags ?? {} };
}

export function writeNodeConfig(node: NodeLayout, config: NodeConfig): void {
  writePublicFile(file(node), `${JSON.stringify(config, null, 2)}\n`);
}
