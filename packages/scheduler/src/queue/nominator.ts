import type { PodInfo } from '../framework/pod-info.js';

/** Pods that preempted others and wait for their node: others of lower priority must not take its space. */
export class Nominator {
  private readonly byNode = new Map<string, Map<string, PodInfo>>();
  private readonly nodeOf = new Map<string, string>();

  /** Records a nomination; `nodeName` overrides what the pod's status says, an empty one removes it. */
  set(info: PodInfo, nodeName = info.pod.status?.nominatedNodeName ?? ''): void {
    this.delete(info.key);
    if (!nodeName) return;
    this.nodeOf.set(info.key, nodeName);
    const pods = this.byNode.get(nodeName) ?? new Map<string, PodInfo>();
    pods.set(info.key, info);
    this.byNode.set(nodeName, pods);
  }

  delete(key: string): void {
    const node = this.nodeOf.get(key);
    if (node === undefined) return;
    this.nodeOf.delete(key);
    const pods = this.byNode.get(node);
    pods?.delete(key);
    if (pods?.size === 0) this.byNode.delete(node);
  }

  nodeFor(key: string): string | undefined {
    return this.nodeOf.get(key);
  }

  /** Pods nominated to a node. */
  on(nodeName: string): PodInfo[] {
    const pods = this.byNode.get(nodeName);
    return pods ? [...pods.values()] : [];
  }

  get empty(): boolean {
    return this.byNode.size === 0;
  }
}
