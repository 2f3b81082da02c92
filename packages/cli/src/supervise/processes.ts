import { relative } from 'node:path';
import { readClusterConfig } from '../cluster/config.js';
import { type Layout, nodeLayoutOf } from '../cluster/layout.js';
import { readNodeConfig } from '../cluster/node-config.js';
import { controlPlaneProcesses, nodeProcesses } from '../components/processes.js';
import { enterNode, labNodesOf } from '../phases/lab-network.js';
import type { ProcessSpec } from '../process/daemon.js';
import type { RecordKey } from '../process/pid-record.js';

/** The group of the processes that belong to no node. */
export const controlPlaneGroup = 'control-plane';

/** A process of the cluster on this machine. */
export interface ClusterProcess {
  /** Names it: `etcd`, `nodes/node1/kubelet`. */
  id: string;
  /** Where it belongs, for people: `control-plane` or a node's name. */
  group: string;
  spec: ProcessSpec;
}

/** The id of a process: where its pid file is below the cluster's run folder. */
export function processId(layout: Layout, key: RecordKey): string {
  return relative(layout.runDir, `${key.runDir}/${key.name}`);
}

/**
 * All processes that the cluster's files describe, in the order they start: the control plane, then node by node. Read
 * anew each time, so that a process is always started as it is configured now.
 */
export function clusterProcesses(layout: Layout): ClusterProcess[] {
  const config = readClusterConfig(layout);
  const control = config ? controlPlaneProcesses(layout, config) : [];
  const labNodes = config?.mode === 'lab' ? labNodesOf(config) : [];
  const nodes = [undefined, ...labNodes].flatMap((lab) => {
    const node = nodeLayoutOf(layout, lab?.name);
    const nodeConfig = readNodeConfig(node);
    const enter = lab ? enterNode(lab) : undefined;
    return nodeConfig
      ? nodeProcesses(node, nodeConfig, enter).map((spec) => ({ group: nodeConfig.nodeName, spec }))
      : [];
  });
  return [...control.map((spec) => ({ group: controlPlaneGroup, spec })), ...nodes].map((process) => ({
    id: processId(layout, process.spec),
    ...process,
  }));
}
