import type { V1Node, V1Pod } from '@kubelab/api';
import { type Amounts, allocatableOf, nonZeroRequestsOf, requestsOf } from './resources.js';

/** A node with the pods on it and the sums that filters and scores need (framework.NodeInfo). */
export class NodeInfo {
  readonly pods = new Map<string, V1Pod>();
  /** Pods with required anti-affinity, which refuse others. */
  readonly podsWithAntiAffinity = new Map<string, V1Pod>();
  readonly requested: Amounts = new Map();
  readonly nonZero = { cpu: 0, memory: 0 };
  /** Changes with every change: copies are taken again only of what changed. */
  generation = 0;

  constructor(public node: V1Node) {}

  get name(): string {
    return this.node.metadata?.name ?? '';
  }

  get allocatable(): Amounts {
    return allocatableOf(this.node);
  }

  addPod(pod: V1Pod): void {
    const uid = pod.metadata?.uid ?? '';
    this.removePod(uid);
    this.pods.set(uid, pod);
    if (pod.spec?.affinity?.podAntiAffinity?.requiredDuringSchedulingIgnoredDuringExecution?.length) {
      this.podsWithAntiAffinity.set(uid, pod);
    }
    this.count(pod, 1);
  }

  removePod(uid: string): void {
    const pod = this.pods.get(uid);
    if (pod) {
      this.pods.delete(uid);
      this.podsWithAntiAffinity.delete(uid);
      this.count(pod, -1);
    }
  }

  /** A copy to try changes on. */
  clone(): NodeInfo {
    const copy = new NodeInfo(this.node);
    for (const pod of this.pods.values()) {
      copy.addPod(pod);
    }
    return copy;
  }

  private count(pod: V1Pod, sign: 1 | -1): void {
    for (const [name, amount] of requestsOf(pod)) {
      this.requested.set(name, (this.requested.get(name) ?? 0) + sign * amount);
    }
    const { cpu, memory } = nonZeroRequestsOf(pod);
    this.nonZero.cpu += sign * cpu;
    this.nonZero.memory += sign * memory;
    this.generation++;
  }
}
