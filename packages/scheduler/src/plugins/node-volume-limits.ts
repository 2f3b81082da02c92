import type { V1CSINode, V1PersistentVolumeClaim, V1Pod } from '@kubelab/api';
import { claimsOf, isOwnedByPod, storageClassOf } from '../framework/claims.js';
import type { Handle } from '../framework/handle.js';
import type { Plugin } from '../framework/plugin.js';
import { Status, unschedulable } from '../framework/status.js';

/** A volume that a driver attaches to nodes; `id` tells the same volume of several pods. */
interface AttachedVolume {
  driver: string;
  id: string;
}

/** Drivers may limit how many volumes a node can have attached (CSINode); other pods' volumes count, each once. */
export const nodeVolumeLimits = (handle: Handle): Plugin => {
  const { claims, volumes, storageClasses, csiNodes } = handle.informers;

  function volumesOf(pod: V1Pod): AttachedVolume[] {
    return claimsOf(pod).flatMap((use) => {
      const claim = claims.lister.getByKey(use.key);
      // A claim that is not there (yet) attaches nothing.
      if (!claim || (use.ephemeral && !isOwnedByPod(claim, pod))) return [];
      const volume = claim.spec?.volumeName ? volumes.lister.get(undefined, claim.spec.volumeName) : undefined;
      if (volume) {
        const { csi } = volume.spec ?? {};
        return csi ? [{ driver: csi.driver, id: `${csi.driver}/${csi.volumeHandle}` }] : [];
      }
      // Not provisioned yet: it will be a volume of its class's driver.
      const provisioner = storageClasses.lister.get(undefined, storageClassOf(claim))?.provisioner;
      return provisioner ? [{ driver: provisioner, id: `${provisioner}/claim/${use.key}` }] : [];
    });
  }

  function limitsOf(csiNode: V1CSINode | undefined): Map<string, number> {
    const limits = new Map<string, number>();
    for (const d of csiNode?.spec.drivers ?? []) {
      if (d.allocatable?.count !== undefined) limits.set(d.name, d.allocatable.count);
    }
    return limits;
  }

  return {
    name: 'NodeVolumeLimits',
    events: () => [
      { resource: 'CSINode', actions: ['Add', 'Update'] },
      {
        resource: 'AssignedPod',
        actions: ['Delete'],
        hint: (_pod, e) => claimsOf(e.old as V1Pod).length > 0,
      },
      {
        resource: 'PersistentVolumeClaim',
        actions: ['Add', 'Update'],
        hint: (pod, e) => {
          const { namespace, name } = (e.now as V1PersistentVolumeClaim).metadata ?? {};
          return claimsOf(pod).some((c) => c.key === `${namespace}/${name}`);
        },
      },
    ],
    preFilter: (_state, pod) => (claimsOf(pod.pod).length === 0 ? { status: Status.skip } : undefined),
    filter(_state, pod, node) {
      const limits = limitsOf(csiNodes.lister.get(undefined, node.name));
      if (limits.size === 0) return undefined;
      const wanted = new Map(volumesOf(pod.pod).map((v) => [v.id, v.driver]));
      if (wanted.size === 0) return undefined;
      const attached = new Map<string, string>();
      for (const other of node.pods.values()) for (const v of volumesOf(other.pod)) attached.set(v.id, v.driver);
      const counts = new Map<string, number>();
      for (const driver of new Map([...attached, ...wanted]).values()) {
        counts.set(driver, (counts.get(driver) ?? 0) + 1);
      }
      for (const [id, driver] of wanted) {
        const limit = limits.get(driver);
        if (limit !== undefined && !attached.has(id) && (counts.get(driver) ?? 0) > limit) {
          return unschedulable('node(s) exceed max volume count');
        }
      }
      return undefined;
    },
  };
};
