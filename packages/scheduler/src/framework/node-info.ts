import type { V1Node, V1Taint } from '@kubelab/api';
import { claimsOf } from './claims.js';
import type { PodInfo } from './pod-info.js';
import { addResource, copyResource, emptyResource, type Resource, resourceOf } from './resource.js';
import { blocksScheduling } from './taints.js';

/** A node with the pods on it (assumed ones included) and the sums that plugins need. */
export class NodeInfo {
  node: V1Node | undefined;
  readonly name: string;
  readonly pods = new Map<string, PodInfo>();
  /** Pods with any affinity, and pods with required anti-affinity: the ones that others must be compared with. */
  readonly podsWithAffinity = new Set<PodInfo>();
  readonly podsWithRequiredAntiAffinity = new Set<PodInfo>();
  readonly podsWithHostPorts = new Set<PodInfo>();
  /** Claims used on this node, `namespace/name`, with the number of pods. */
  readonly claims = new Map<string, number>();
  requested: Resource = emptyResource();
  nonZeroRequested: Resource = emptyResource();
  allocatable: Resource = emptyResource();
  /** Cordoned. */
  unschedulable = false;
  /** Taints that keep pods away, and those that only make the node less wanted. */
  hardTaints: readonly V1Taint[] = [];
  softTaints: readonly V1Taint[] = [];
  /** Sizes of the images on the node by name. */
  images: ReadonlyMap<string, number> = new Map();

  constructor(name: string) {
    this.name = name;
  }

  get labels(): Record<string, string> {
    return this.node?.metadata?.labels ?? {};
  }

  setNode(node: V1Node): void {
    const old = this.node;
    this.node = node;
    this.unschedulable = node.spec?.unschedulable ?? false;
    const taints = node.spec?.taints ?? [];
    this.hardTaints = taints.filter((t) => blocksScheduling(t.effect));
    this.softTaints = taints.filter((t) => t.effect === 'PreferNoSchedule');
    if (old?.status?.allocatable !== node.status?.allocatable) {
      this.allocatable = resourceOf(node.status?.allocatable ?? node.status?.capacity);
    }
    if (old?.status?.images !== node.status?.images) {
      this.images = new Map(
        (node.status?.images ?? []).flatMap((i) => (i.names ?? []).map((n) => [n, i.sizeBytes ?? 0])),
      );
    }
  }

  addPod(info: PodInfo): void {
    this.removePod(info.key);
    this.pods.set(info.key, info);
    addResource(this.requested, info.request);
    addResource(this.nonZeroRequested, info.nonZeroRequest);
    if (info.hasAffinity) this.podsWithAffinity.add(info);
    if (info.requiredAntiAffinity.length > 0) this.podsWithRequiredAntiAffinity.add(info);
    if (info.hostPorts.length > 0) this.podsWithHostPorts.add(info);
    for (const { key } of claimsOf(info.pod)) this.claims.set(key, (this.claims.get(key) ?? 0) + 1);
  }

  removePod(key: string): PodInfo | undefined {
    const info = this.pods.get(key);
    if (!info) return undefined;
    this.pods.delete(key);
    addResource(this.requested, info.request, -1);
    addResource(this.nonZeroRequested, info.nonZeroRequest, -1);
    this.podsWithAffinity.delete(info);
    this.podsWithRequiredAntiAffinity.delete(info);
    this.podsWithHostPorts.delete(info);
    for (const { key: claim } of claimsOf(info.pod)) {
      const count = (this.claims.get(claim) ?? 0) - 1;
      if (count > 0) this.claims.set(claim, count);
      else this.claims.delete(claim);
    }
    return info;
  }

  /** A copy that pods can be taken from and added to without a trace. */
  clone(): NodeInfo {
    const copy = new NodeInfo(this.name);
    copy.node = this.node;
    for (const [key, info] of this.pods) copy.pods.set(key, info);
    for (const info of this.podsWithAffinity) copy.podsWithAffinity.add(info);
    for (const info of this.podsWithRequiredAntiAffinity) copy.podsWithRequiredAntiAffinity.add(info);
    for (const info of this.podsWithHostPorts) copy.podsWithHostPorts.add(info);
    for (const [claim, count] of this.claims) copy.claims.set(claim, count);
    copy.requested = copyResource(this.requested);
    copy.nonZeroRequested = copyResource(this.nonZeroRequested);
    copy.allocatable = this.allocatable;
    copy.images = this.images;
    copy.unschedulable = this.unschedulable;
    copy.hardTaints = this.hardTaints;
    copy.softTaints = this.softTaints;
    return copy;
  }
}
