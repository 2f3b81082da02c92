import type {
  V1CSIDriver,
  V1CSIStorageCapacity,
  V1PersistentVolume,
  V1PersistentVolumeClaim,
  V1Pod,
  V1StorageClass,
} from '@kubelab/api';
import { deepEqual } from '@kubelab/apimachinery';
import { type ApiObject, gvr, type Informer } from '@kubelab/client';
import type { VolumeBindingArgs } from '../../config/types.js';
import { claimsOf, isOwnedByPod } from '../../framework/claims.js';
import { ConstantState } from '../../framework/cycle-state.js';
import type { Handle } from '../../framework/handle.js';
import type { Plugin } from '../../framework/plugin.js';
import type { PodInfo } from '../../framework/pod-info.js';
import { unitsOf } from '../../framework/resource.js';
import { Status, unresolvable } from '../../framework/status.js';
import { isFullyBound, type NodeVolumes, type PodClaims, selectedNode, VolumeBinder } from './binder.js';
import { ChangeBell } from './change-bell.js';
import { isReachable } from './match.js';

const name = 'VolumeBinding';

class State extends ConstantState {
  readonly byNode = new Map<string, NodeVolumes>();
  decided: NodeVolumes | undefined;
  constructor(readonly claims: PodClaims) {
    super();
  }
}

/**
 * Claims: bound ones must be usable on the node; those that wait for their first consumer are bound to a volume, or
 * handed to their provisioner with the chosen node, before the pod is bound.
 */
export const volumeBinding = (handle: Handle, args: VolumeBindingArgs): Plugin => {
  const { informers } = handle;
  const binder = new VolumeBinder(informers);
  const watched = [informers.claims, informers.volumes, informers.pods] as unknown as Informer<ApiObject>[];
  const bell = new ChangeBell(...watched);
  const volumeClient = handle.client.resource<V1PersistentVolume>(gvr.persistentvolumes);
  const claimClient = handle.client.resource<V1PersistentVolumeClaim>(gvr.persistentvolumeclaims);

  /** What keeps the pod from every node: a claim that is missing, lost, going away or another pod's. */
  function unusableClaim(pod: V1Pod): string | undefined {
    for (const use of claimsOf(pod)) {
      const claim = informers.claims.lister.getByKey(use.key);
      if (!claim) {
        return use.ephemeral
          ? `waiting for ephemeral volume controller to create the persistentvolumeclaim "${use.name}"`
          : `persistentvolumeclaim "${use.name}" not found`;
      }
      if (claim.status?.phase === 'Lost') {
        return `persistentvolumeclaim "${use.name}" bound to non-existent persistentvolume "${claim.spec?.volumeName ?? ''}"`;
      }
      if (claim.metadata?.deletionTimestamp) return `persistentvolumeclaim "${use.name}" is being deleted`;
      if (use.ephemeral && !isOwnedByPod(claim, pod)) {
        const podKey = `${pod.metadata?.namespace}/${pod.metadata?.name}`;
        return `PVC ${use.key} was not created for pod ${podKey} (pod is not owner)`;
      }
    }
    return undefined;
  }

  const usesClaim = (pod: V1Pod, claim: V1PersistentVolumeClaim): boolean =>
    claimsOf(pod).some((c) => c.key === `${claim.metadata?.namespace}/${claim.metadata?.name}`);

  return {
    name,
    events: () => [
      {
        resource: 'StorageClass',
        actions: ['Add', 'Update'],
        hint: (_pod, e) =>
          !e.old ||
          !deepEqual((e.old as V1StorageClass).allowedTopologies, (e.now as V1StorageClass).allowedTopologies),
      },
      {
        resource: 'PersistentVolumeClaim',
        actions: ['Add', 'Update'],
        hint: (pod, e) => usesClaim(pod, e.now as V1PersistentVolumeClaim),
      },
      { resource: 'PersistentVolume', actions: ['Add', 'Update'] },
      { resource: 'Node', actions: ['Add', 'UpdateNodeLabel'] },
      {
        resource: 'CSIDriver',
        actions: ['Update'],
        hint: (_pod, e) =>
          Boolean((e.old as V1CSIDriver).spec?.storageCapacity) && !(e.now as V1CSIDriver).spec?.storageCapacity,
      },
      {
        resource: 'CSIStorageCapacity',
        actions: ['Add', 'Update'],
        hint: (_pod, e) => !e.old || limitOf(e.now as V1CSIStorageCapacity) > limitOf(e.old as V1CSIStorageCapacity),
      },
    ],
    preFilter(state, pod) {
      if (claimsOf(pod.pod).length === 0) return { status: Status.skip };
      const unusable = unusableClaim(pod.pod);
      if (unusable) return { status: unresolvable(unusable) };
      const claims = binder.claimsOf(pod.pod);
      if (claims.immediate.length > 0) {
        return { status: unresolvable('pod has unbound immediate PersistentVolumeClaims') };
      }
      state.write(name, new State(claims));
      return undefined;
    },
    filter(state, _pod, node) {
      const s = state.read<State>(name);
      if (!s || !node.node) return undefined;
      try {
        const found = binder.find(s.claims, node.node);
        if (Array.isArray(found)) return unresolvable(...found);
        s.byNode.set(node.name, found);
        return undefined;
      } catch (error) {
        return Status.error(error);
      }
    },
    reserve(state, _pod, nodeName) {
      const s = state.read<State>(name);
      const found = s?.byNode.get(nodeName);
      if (!s || !found || s.claims.delayed.length === 0) return undefined;
      s.decided = binder.assume(found, nodeName);
      return undefined;
    },
    unreserve(state) {
      const s = state.read<State>(name);
      if (s?.decided) binder.forget(s.decided);
    },
    async preBind(state, pod, nodeName) {
      const decided = state.read<State>(name)?.decided;
      if (!decided) return undefined;
      try {
        const written = await write(decided);
        const look = (): boolean => isDone(pod, nodeName, written);
        await bell.until(look, args.bindTimeoutSeconds * 1000, handle.stopping);
        return undefined;
      } catch (error) {
        const why = error instanceof Error ? error.message : String(error);
        return Status.error(new Error(`binding volumes: ${why}`, { cause: error }));
      }
    },
  };

  /** Sequentially: what could not be written is taken back by unreserve, the rest the volume controller completes. */
  async function write(decided: NodeVolumes): Promise<NodeVolumes> {
    const written: NodeVolumes = { bindings: [], provisions: [] };
    for (const { claim, volume } of decided.bindings) {
      written.bindings.push({ claim, volume: await volumeClient.update(volume) });
    }
    for (const claim of decided.provisions) {
      written.provisions.push(await claimClient.namespace(claim.metadata?.namespace ?? '').update(claim));
    }
    return written;
  }

  /** Whether the volume controller has bound all; throws when it can't come to that any more. */
  function isDone(pod: PodInfo, nodeName: string, written: NodeVolumes): boolean {
    if (!informers.pods.lister.getByKey(pod.key)) throw new Error('pod does not exist any more');
    const node = handle.node(nodeName);
    if (!node) throw new Error(`failed to get node "${nodeName}": node "${nodeName}" not found`);
    const check = (volume: V1PersistentVolume): void => {
      if (isReachable(volume, node)) return;
      throw new Error(`pv "${volume.metadata?.name}" node affinity doesn't match node "${nodeName}"`);
    };
    for (const { claim, volume } of written.bindings) {
      const nowVolume = binder.volumes.real(volume.metadata?.name ?? '');
      const nowClaim = binder.claims.real(`${claim.metadata?.namespace}/${claim.metadata?.name}`);
      if (!nowVolume || !nowClaim) throw new Error('failed to check binding: volume or claim not found');
      if (isOlder(nowVolume, volume)) return false;
      check(nowVolume);
      if (!nowVolume.spec?.claimRef?.uid) throw new Error(`ClaimRef got reset for pv "${volume.metadata?.name}"`);
      if (!isFullyBound(nowClaim)) return false;
    }
    for (const claim of written.provisions) {
      const now = binder.claims.real(`${claim.metadata?.namespace}/${claim.metadata?.name}`);
      if (!now) throw new Error('failed to check provisioning pvc: claim not found');
      if (isOlder(now, claim)) return false;
      // The provisioner takes the node away when it can't provision there: another node must be tried.
      if (now.metadata?.annotations?.[selectedNode] !== nodeName) {
        throw new Error(`provisioning failed for PVC "${now.metadata?.name}"`);
      }
      const volume = now.spec?.volumeName ? binder.volumes.real(now.spec.volumeName) : undefined;
      if (!volume) return false;
      check(volume);
      if (!isFullyBound(now)) return false;
    }
    return true;
  }
};

/** Bytes that a driver can still make a volume of; nothing said counts as less than nothing. */
function limitOf(capacity: V1CSIStorageCapacity): number {
  const limit = capacity.maximumVolumeSize ?? capacity.capacity;
  return limit === undefined ? -1 : unitsOf(limit);
}

const isOlder = (a: V1PersistentVolume | V1PersistentVolumeClaim, b: V1PersistentVolume | V1PersistentVolumeClaim) =>
  BigInt(a.metadata?.resourceVersion ?? '0') < BigInt(b.metadata?.resourceVersion ?? '0');
