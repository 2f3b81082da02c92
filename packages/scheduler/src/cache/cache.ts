import type { V1Node } from '@kubelab/api';
import { NodeInfo } from '../framework/node-info.js';
import type { PodInfo } from '../framework/pod-info.js';
import { Snapshot } from '../framework/snapshot.js';
import { interleaveZones, zoneOf } from './node-tree.js';

interface CachedPod {
  info: PodInfo;
  nodeName: string;
  /** Put on the node by this scheduler, and not seen there through the API server yet. */
  assumed: boolean;
}

/**
 * The scheduler's own picture of nodes and the pods on them. A pod is assumed on its node as soon as that is decided,
 * so that the next pod sees the space as taken while the binding is still on its way; the informer's event confirms
 * it, a failed binding takes it back.
 */
export class Cache {
  private readonly nodes = new Map<string, NodeInfo>();
  private readonly pods = new Map<string, CachedPod>();
  private order: string[] = [];
  private orderStale = false;
  private readonly changed = new Set<string>();
  /** What the snapshot holds of each node; shared with it. */
  private readonly frozen = new Map<string, NodeInfo>();
  private readonly snapshot = new Snapshot();
  private listsStale = true;
  private readonly imageCounts = new Map<string, number>();

  get nodeCount(): number {
    return this.order.length;
  }

  get podCount(): number {
    return this.pods.size;
  }

  get assumedCount(): number {
    let n = 0;
    for (const p of this.pods.values()) if (p.assumed) n++;
    return n;
  }

  setNode(node: V1Node): void {
    const name = node.metadata?.name ?? '';
    const info = this.infoOf(name);
    if (!info.node || zoneOf(info.node) !== zoneOf(node)) this.orderStale = true;
    info.setNode(node);
    this.changed.add(name);
  }

  /** Pods of the node stay known until they are deleted too. */
  removeNode(name: string): void {
    const info = this.nodes.get(name);
    if (!info) return;
    info.node = undefined;
    if (info.pods.size === 0) this.nodes.delete(name);
    this.changed.add(name);
    this.orderStale = true;
  }

  isAssumed(key: string): boolean {
    return this.pods.get(key)?.assumed ?? false;
  }

  /** The pod is decided to go to the node. */
  assume(info: PodInfo, nodeName: string): void {
    this.put(info, nodeName, true);
  }

  /** Takes an assumption back: the binding failed. Does nothing once the pod was confirmed or replaced. */
  forget(info: PodInfo): void {
    const known = this.pods.get(info.key);
    if (known?.assumed && known.info.uid === info.uid) this.drop(info.key);
  }

  /** The API server says that the pod is on the node. */
  setPod(info: PodInfo, nodeName: string): void {
    const known = this.pods.get(info.key);
    if (known?.assumed && known.nodeName === nodeName && known.info.uid === info.uid) known.assumed = false;
    this.put(info, nodeName, false);
  }

  removePod(key: string, uid: string): void {
    if (this.pods.get(key)?.info.uid === uid) this.drop(key);
  }

  /** The snapshot, brought up to date: only nodes that changed are copied. */
  updateSnapshot(): Snapshot {
    const { snapshot } = this;
    const structural = this.orderStale;
    if (this.orderStale) {
      const real = [...this.nodes.values()].flatMap((n) => (n.node ? [n.node] : []));
      this.order = interleaveZones(real);
      this.orderStale = false;
    }
    for (const name of this.changed) {
      const info = this.nodes.get(name);
      const old = this.frozen.get(name);
      if (info?.node) {
        const copy = info.clone();
        this.frozen.set(name, copy);
        if (old) this.replaceInSnapshot(old, copy);
        if (old?.images !== copy.images) this.countImages(old, copy);
      } else {
        this.frozen.delete(name);
        this.countImages(old, undefined);
      }
    }
    this.changed.clear();
    if (structural) {
      snapshot.nodes = this.order.map((name) => this.frozen.get(name) as NodeInfo);
      this.positions = new Map(this.order.map((name, i) => [name, i]));
      this.listsStale = true;
    }
    snapshot.byName = this.frozen;
    snapshot.imageCounts = this.imageCounts;
    if (this.listsStale) {
      snapshot.withAffinity = snapshot.nodes.filter((n) => n.podsWithAffinity.size > 0);
      snapshot.withRequiredAntiAffinity = snapshot.nodes.filter((n) => n.podsWithRequiredAntiAffinity.size > 0);
      this.listsStale = false;
    }
    return snapshot;
  }

  private positions = new Map<string, number>();

  private replaceInSnapshot(old: NodeInfo, copy: NodeInfo): void {
    const at = this.positions.get(copy.name);
    if (at !== undefined) (this.snapshot.nodes as NodeInfo[])[at] = copy;
    // The lists hold the old copies: made anew if either of them is, or should be, in one.
    if (old.podsWithAffinity.size > 0 || copy.podsWithAffinity.size > 0) this.listsStale = true;
  }

  private countImages(old: NodeInfo | undefined, now: NodeInfo | undefined): void {
    for (const image of old?.images.keys() ?? []) {
      const left = (this.imageCounts.get(image) ?? 0) - 1;
      if (left > 0) this.imageCounts.set(image, left);
      else this.imageCounts.delete(image);
    }
    for (const image of now?.images.keys() ?? []) this.imageCounts.set(image, (this.imageCounts.get(image) ?? 0) + 1);
  }

  private infoOf(name: string): NodeInfo {
    let info = this.nodes.get(name);
    if (!info) {
      info = new NodeInfo(name);
      this.nodes.set(name, info);
    }
    return info;
  }

  private put(info: PodInfo, nodeName: string, assumed: boolean): void {
    const known = this.pods.get(info.key);
    if (known && known.nodeName !== nodeName) this.drop(info.key);
    this.pods.set(info.key, { info, nodeName, assumed });
    this.infoOf(nodeName).addPod(info);
    this.changed.add(nodeName);
  }

  private drop(key: string): void {
    const known = this.pods.get(key);
    if (!known) return;
    this.pods.delete(key);
    const node = this.nodes.get(known.nodeName);
    node?.removePod(key);
    if (node && !node.node && node.pods.size === 0) this.nodes.delete(known.nodeName);
    this.changed.add(known.nodeName);
  }
}
