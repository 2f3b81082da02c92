import type { NodeInfo } from './node-info.js';

/** The nodes as they were at the start of a scheduling cycle, in the order in which they are tried. */
export class Snapshot {
  nodes: readonly NodeInfo[] = [];
  byName: ReadonlyMap<string, NodeInfo> = new Map();
  /** Nodes that have a pod with affinity, or with required anti-affinity. */
  withAffinity: readonly NodeInfo[] = [];
  withRequiredAntiAffinity: readonly NodeInfo[] = [];

  get(name: string): NodeInfo | undefined {
    return this.byName.get(name);
  }
}
