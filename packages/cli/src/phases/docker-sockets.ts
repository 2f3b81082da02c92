import type { ClusterConfig } from '../cluster/config.js';
import { type Layout, type NodeLayout, nodeLayoutOf } from '../cluster/layout.js';
import { readNodeConfig } from '../cluster/node-config.js';

export interface NodeDocker {
  nodeName: string;
  node: NodeLayout;
  socket: string;
}

/** The Docker of each node of this machine that has joined. */
export function dockerSocketsOf(layout: Layout, config: ClusterConfig): NodeDocker[] {
  const nodes =
    config.mode === 'lab' ? config.labNodes.map((name) => nodeLayoutOf(layout, name)) : [nodeLayoutOf(layout)];
  return nodes.flatMap((node) => {
    const known = readNodeConfig(node);
    return known ? [{ nodeName: known.nodeName, node, socket: known.dockerSocket }] : [];
  });
}
