import type { NodeInfo } from './node-info.js';

/** The nodes as they were at the start of a scheduling cycle, in the order in which they are tried. */
export class Snapshot {
  nodes: readonly NodeInfo[] = [];
  byName: ReadonlyMap<string, NodeInfo> = new Map();
  /** Nodes that have a pod with affinity, or with required anti-affinity. */
  withAffinity: readonly NodeInfo[] = [];
  withRequiredAntiAffinity: readonly NodeInfo[] = [];

  /** Set anew by the cache whenever it changes a node's images. */
  imageCounts: ReadonlyMap<string, number> = new Map();

  /** How many nodes have an image. */
  nodesWithImage(image: string): number {
    return this.imageCounts.get(image) ?? 0;
  }

  get(name: string): NodeInfo | undefined {
    return this.byName.get(name);
  }
}
