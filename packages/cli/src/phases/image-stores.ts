import type { ClusterConfig } from '../cluster/config.js';
import { type Layout, type NodeLayout, nodeLayoutOf } from '../cluster/layout.js';
import { type NodeConfig, readNodeConfig } from '../cluster/node-config.js';
import { ContainerdStore } from '../images/containerd-store.js';
import { DockerStore } from '../images/docker-store.js';
import type { ImageStore } from '../images/image-store.js';

/** Where a node has its images. */
export function imageStoreOf(node: NodeLayout, config: NodeConfig): ImageStore {
  return config.criEndpoint
    ? new ContainerdStore(config.nodeName, config.criEndpoint)
    : new DockerStore(config.nodeName, node.stateDir, config.dockerSocket);
}

/** The images of each node of this machine that has joined. */
export function imageStoresOf(layout: Layout, config: ClusterConfig): ImageStore[] {
  const nodes =
    config.mode === 'lab' ? config.labNodes.map((name) => nodeLayoutOf(layout, name)) : [nodeLayoutOf(layout)];
  return nodes.flatMap((node) => {
    const known = readNodeConfig(node);
    return known ? [imageStoreOf(node, known)] : [];
  });
}
