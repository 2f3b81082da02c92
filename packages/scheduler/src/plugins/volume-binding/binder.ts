import type { V1Node, V1PersistentVolume, V1PersistentVolumeClaim, V1Pod, V1StorageClass } from '@kubelab/api';
import { labelSelectorAsSelector } from '@kubelab/apimachinery';
import { claimsOf, storageClassOf } from '../../framework/claims.js';
import type { SchedulerInformers } from '../../framework/handle.js';
import { unitsOf } from '../../framework/resource.js';
import { AssumeCache } from './assume-cache.js';
import { findVolume, isReachable, sizeOfClaim, topologyAllows } from './match.js';

export const selectedNode = 'volume.kubernetes.io/selected-node';
export const bindCompleted = 'pv.kubernetes.io/bind-completed';
const boundByController = 'pv.kubernetes.io/bound-by-controller';
const noProvisioner = 'kubernetes.io/no-provisioner';
const byClass = 'scheduler/storage-class';

/** Why a node can't be used, in Kubernetes' words. */
export const reasons = {
  bind: "node(s) didn't find available persistent volumes to bind",
  node: 'node(s) had volume node affinity conflict',
  space: 'node(s) did not have enough free storage',
  missing: 'node(s) unavailable due to one or more pvc(s) bound to non-existent pv(s)',
} as const;

/** A pod's claims by what must be done with them. */
export interface PodClaims {
  bound: V1PersistentVolumeClaim[];
  /** To be bound or provisioned now that there is a consumer. */
  delayed: V1PersistentVolumeClaim[];
  /** To be bound by the volume controller before the pod can be scheduled. */
  immediate: V1PersistentVolumeClaim[];
}

/** What must be written for a pod to run on a node. */
export interface NodeVolumes {
  bindings: { claim: V1PersistentVolumeClaim; volume: V1PersistentVolume }[];
  provisions: V1PersistentVolumeClaim[];
}

export const isFullyBound = (claim: V1PersistentVolumeClaim): boolean =>
  Boolean(claim.spec?.volumeName) && claim.metadata?.annotations?.[bindCompleted] !== undefined;

/** Decides which volumes a pod's claims get on a node, and remembers what is decided until the API server says so. */
export class VolumeBinder {
  readonly claims: AssumeCache<V1PersistentVolumeClaim>;
  readonly volumes: AssumeCache<V1PersistentVolume>;

  constructor(private readonly informers: SchedulerInformers) {
    informers.volumes.addIndexer(byClass, (v) => [storageClassOf(v)]);
    this.claims = new AssumeCache(informers.claims.lister);
    this.volumes = new AssumeCache(informers.volumes.lister);
  }

  claimsOf(pod: V1Pod): PodClaims {
    const out: PodClaims = { bound: [], delayed: [], immediate: [] };
    for (const { key } of claimsOf(pod)) {
      const claim = this.claims.get(key);
      if (!claim) throw new Error(`error getting PVC "${key}": could not find v1.PersistentVolumeClaim`);
      if (isFullyBound(claim)) out.bound.push(claim);
      // A claim that names its volume itself is bound without looking at its consumer.
      else if (this.classOf(claim)?.volumeBindingMode === 'WaitForFirstConsumer' && !claim.spec?.volumeName)
        out.delayed.push(claim);
      else out.immediate.push(claim);
    }
    return out;
  }

  /** What the claims need on this node, or why it can't be. Throws for a claim whose class is gone. */
  find(claims: PodClaims, node: V1Node): NodeVolumes | string[] {
    const why: string[] = [];
    const unreachable = this.checkBound(claims.bound, node);
    if (unreachable === reasons.node) why.push(unreachable);
    const found = this.checkDelayed(claims.delayed, node);
    if (typeof found === 'string') why.push(found);
    if (unreachable === reasons.missing) why.push(unreachable);
    return why.length > 0 || typeof found === 'string' ? why : found;
  }

  /** Counts the decision for other pods; returns what is to be written. */
  assume(found: NodeVolumes, nodeName: string): NodeVolumes {
    const bindings = found.bindings.map(({ claim, volume }) => {
      const reserved = reserve(volume, claim);
      if (reserved !== volume) this.volumes.assume(reserved);
      return { claim, volume: reserved };
    });
    const provisions = found.provisions.map((claim) => {
      const chosen = withAnnotation(claim, selectedNode, nodeName);
      this.claims.assume(chosen);
      return chosen;
    });
    return { bindings, provisions };
  }

  forget(decided: NodeVolumes): void {
    for (const { volume } of decided.bindings) this.volumes.forget(volume.metadata?.name ?? '');
    for (const { metadata } of decided.provisions) this.claims.forget(`${metadata?.namespace}/${metadata?.name}`);
  }

  private classOf(claim: V1PersistentVolumeClaim): V1StorageClass | undefined {
    const name = storageClassOf(claim);
    return name ? this.informers.storageClasses.lister.get(undefined, name) : undefined;
  }

  private checkBound(claims: readonly V1PersistentVolumeClaim[], node: V1Node): string | undefined {
    for (const claim of claims) {
      const volume = this.volumes.get(claim.spec?.volumeName ?? '');
      if (!volume) return reasons.missing;
      if (!isReachable(volume, node)) return reasons.node;
    }
    return undefined;
  }

  private checkDelayed(claims: readonly V1PersistentVolumeClaim[], node: V1Node): NodeVolumes | string {
    const found: NodeVolumes = { bindings: [], provisions: [] };
    const free: V1PersistentVolumeClaim[] = [];
    for (const claim of claims) {
      const chosen = claim.metadata?.annotations?.[selectedNode];
      if (chosen === undefined) free.push(claim);
      else if (chosen === node.metadata?.name) found.provisions.push(claim);
      else return reasons.bind;
    }
    const taken = new Set<string>();
    for (const claim of free.sort((a, b) => sizeOfClaim(a) - sizeOfClaim(b))) {
      const volume = findVolume(claim, this.volumes.byIndex(byClass, storageClassOf(claim)), node, taken);
      if (volume) {
        taken.add(volume.metadata?.name ?? '');
        found.bindings.push({ claim, volume });
      } else {
        found.provisions.push(claim);
      }
    }
    for (const claim of found.provisions) {
      const storageClass = this.classOf(claim);
      if (!storageClass) throw new Error(`failed to find storage class "${storageClassOf(claim)}"`);
      if (!storageClass.provisioner || storageClass.provisioner === noProvisioner) return reasons.bind;
      if (!topologyAllows(storageClass.allowedTopologies, node)) return reasons.bind;
      if (!this.hasSpace(storageClass, claim, node)) return reasons.space;
    }
    return found;
  }

  /** Drivers that report their capacity (KEP-1472) must have room where the node can reach it. */
  private hasSpace(storageClass: V1StorageClass, claim: V1PersistentVolumeClaim, node: V1Node): boolean {
    const size = sizeOfClaim(claim);
    const driver = this.informers.csiDrivers.lister.get(undefined, storageClass.provisioner);
    if (size === 0 || !driver?.spec?.storageCapacity) return true;
    return this.informers.storageCapacities.lister.list().some((c) => {
      if (c.storageClassName !== storageClass.metadata?.name || !c.nodeTopology) return false;
      const limit = c.maximumVolumeSize ?? c.capacity;
      if (limit === undefined || unitsOf(limit) < size) return false;
      return labelSelectorAsSelector(c.nodeTopology).matches(node.metadata?.labels ?? {});
    });
  }
}

function reserve(volume: V1PersistentVolume, claim: V1PersistentVolumeClaim): V1PersistentVolume {
  const ref = volume.spec?.claimRef;
  if (ref?.uid === claim.metadata?.uid) return volume;
  // The annotation tells the controller that it may undo the binding; a user's own reservation stays.
  const marked = ref ? volume : withAnnotation(volume, boundByController, 'yes');
  const { namespace, name, uid, resourceVersion } = claim.metadata ?? {};
  return {
    ...marked,
    spec: {
      ...marked.spec,
      claimRef: { apiVersion: 'v1', kind: 'PersistentVolumeClaim', namespace, name, uid, resourceVersion },
    },
  };
}

function withAnnotation<T extends V1PersistentVolume | V1PersistentVolumeClaim>(o: T, key: string, value: string): T {
  return { ...o, metadata: { ...o.metadata, annotations: { ...o.metadata?.annotations, [key]: value } } };
}
