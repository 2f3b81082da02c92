import type { V1Node, V1Pod } from '@kubelab/api';
import type { Snapshot } from '../framework/types.js';
import { NodeInfo } from './node-info.js';

/**
 * The nodes and the pods on them, as the informers say and as this scheduler has decided: a pod counts on its node from
 * the moment it is assumed there, before the API server knows.
 */
export class SchedulerCache implements Snapshot {
  private readonly infos = new Map<string, NodeInfo>();
  private list: NodeInfo[] | undefined;
  /** Pods by uid with the node they count on, and whether that is only assumed. */
  private readonly placed = new Map<string, { node: string; pod: V1Pod; assumed: boolean }>();
  /** Pods on nodes that are not known (yet). */
  private readonly homeless = new Map<string, Map<string, V1Pod>>();

  get nodes(): readonly NodeInfo[] {
    this.list ??= [...this.infos.values()];
    return this.list;
  }

  get(name: string): NodeInfo | undefined {
    return this.infos.get(name);
  }

  setNode(node: V1Node): void {
    const name = node.metadata?.name ?? '';
    const known = this.infos.get(name);
    if (known) {
      known.node = node;
      known.generation++;
      return;
    }
    const info = new NodeInfo(node);
    for (const pod of this.homeless.get(name)?.values() ?? []) {
      info.addPod(pod);
    }
    this.homeless.delete(name);
    this.infos.set(name, info);
    this.list = undefined;
  }

  removeNode(name: string): void {
    const info = this.infos.get(name);
    if (info) {
      this.infos.delete(name);
      this.list = undefined;
      if (info.pods.size > 0) {
        this.homeless.set(name, new Map(info.pods));
      }
    }
  }

  /** Takes a pod that the API server shows on a node; it confirms what was assumed. */
  setPod(pod: V1Pod): void {
    this.place(pod, pod.spec?.nodeName ?? '', false);
  }

  /** Counts a pod on a node before it is bound there. */
  assume(pod: V1Pod, node: string): void {
    this.place(pod, node, true);
  }

  /** Takes back an assumption that was not confirmed. */
  forget(uid: string): void {
    if (this.placed.get(uid)?.assumed) {
      this.removePod(uid);
    }
  }

  isPlaced(uid: string): boolean {
    return this.placed.has(uid);
  }

  removePod(uid: string): void {
    const known = this.placed.get(uid);
    if (known) {
      this.placed.delete(uid);
      this.infos.get(known.node)?.removePod(uid);
      this.homeless.get(known.node)?.delete(uid);
    }
  }

  private place(pod: V1Pod, node: string, assumed: boolean): void {
    const uid = pod.metadata?.uid ?? '';
    this.removePod(uid);
    this.placed.set(uid, { node, pod, assumed });
    const info = this.infos.get(node);
    if (info) {
      info.addPod(pod);
      return;
    }
    const waiting = this.homeless.get(node) ?? new Map<string, V1Pod>();
    waiting.set(uid, pod);
    this.homeless.set(node, waiting);
  }
}
