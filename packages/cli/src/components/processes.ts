import type { ClusterConfig } from '../cluster/config.js';
import type { Layout, NodeLayout } from '../cluster/layout.js';
import type { NodeConfig } from '../cluster/node-config.js';
import type { ProcessSpec } from '../process/daemon.js';
import { apiServerProcess } from './apiserver.js';
import { controllerManagerProcess } from './controller-manager.js';
import { criDockerProcess } from './cri-docker.js';
import { dockerdProcess } from './dockerd.js';
import { etcdProcess } from './etcd.js';
import { nodeAgentProcess } from './node-agent.js';
import { schedulerProcess } from './scheduler.js';

/** The control plane's processes in the order they start; they stop in reverse. */
export function controlPlaneProcesses(layout: Layout, config: ClusterConfig): ProcessSpec[] {
  return [
    etcdProcess(layout, config),
    apiServerProcess(layout, config),
    controllerManagerProcess(layout, config),
    schedulerProcess(layout, config),
  ];
}

/** The node's processes in the order they start. `enter` is what leads into a lab node's network. */
export function nodeProcesses(node: NodeLayout, config: NodeConfig, enter?: string[]): ProcessSpec[] {
  const agent = nodeAgentProcess({ node, ...config, enter });
  const processes = config.criEndpoint
    ? [agent]
    : [
        ...(config.ownDocker ? [dockerdProcess(node, config)] : []),
        criDockerProcess({ node, dockerSocket: config.dockerSocket }),
        agent,
      ];
  return enter ? processes.map((spec) => ({ ...spec, enter })) : processes;
}
