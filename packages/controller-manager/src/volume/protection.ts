import type { V1PersistentVolume, V1PersistentVolumeClaim } from '@kubelab/api';
import { isNotFound, splitObjectKey } from '@kubelab/apimachinery';
import { gvr } from '@kubelab/client';
import type { ControllerDescriptor } from '../framework/controller.js';
import type { PersistentVolume, PersistentVolumeClaim, Pod } from '../framework/kinds.js';
import { keyOf } from '../framework/live.js';
import { isPodTerminal } from '../framework/pods.js';
import { Reconciler } from '../framework/reconciler.js';

const claimFinalizer = 'kubernetes.io/pvc-protection';
const volumeFinalizer = 'kubernetes.io/pv-protection';

interface HasFinalizers {
  metadata?: { finalizers?: string[] };
}

function withFinalizer<T extends HasFinalizers>(object: T, finalizer: string, wanted: boolean): T {
  const others = (object.metadata?.finalizers ?? []).filter((candidate) => candidate !== finalizer);
  return { ...object, metadata: { ...object.metadata, finalizers: wanted ? [...others, finalizer] : others } };
}

/** The claims that a pod uses, ephemeral ones included. */
export function claimNames(pod: Pod): string[] {
  return (pod.spec.volumes ?? []).flatMap(({ name, persistentVolumeClaim, ephemeral }) => {
    if (persistentVolumeClaim) return [persistentVolumeClaim.claimName];
    return ephemeral ? [`${pod.metadata.name}-${name}`] : [];
  });
}

/** Keeps claims from vanishing while a pod uses them. */
export const claimProtectionController: ControllerDescriptor = {
  name: 'persistentvolumeclaim-protection-controller',
  aliases: ['pvc-protection'],
  serviceAccount: 'pvc-protection-controller',
  create({ client, informers, logger, options }) {
    const claims = informers.informer<PersistentVolumeClaim>(gvr.persistentvolumeclaims);
    const pods = informers.informer<Pod>(gvr.pods);
    const claimClient = client.resource<V1PersistentVolumeClaim>(gvr.persistentvolumeclaims);
    const isUsing = (pod: Pod, name: string): boolean =>
      Boolean(pod.spec.nodeName) && !isPodTerminal(pod) && claimNames(pod).includes(name);

    async function reconcile(key: string): Promise<void> {
      const { namespace, name } = splitObjectKey(key);
      const claim = claims.lister.get(namespace, name);
      if (!claim) return;
      const has = claim.metadata.finalizers?.includes(claimFinalizer) ?? false;
      const deleting = claim.metadata.deletionTimestamp !== undefined;
      if (deleting !== has) return;
      if (deleting) {
        if (pods.lister.list(namespace).some((pod) => isUsing(pod, name))) return;
        // The cache may not have seen the newest pod.
        const live = await client.resource<Pod>(gvr.pods).namespace(namespace).list();
        if (live.items.some((pod) => isUsing(pod, name))) return;
      }
      try {
        await claimClient.namespace(namespace).update(withFinalizer(claim, claimFinalizer, !deleting));
      } catch (error) {
        if (!isNotFound(error)) throw error;
      }
    }

    return new Reconciler({
      name: 'persistentvolumeclaim-protection-controller',
      logger,
      workers: options.concurrentSyncs,
      reconcile,
    })
      .watch(claims, (claim) => [keyOf(claim)])
      .watch(pods, (pod) => claimNames(pod).map((name) => `${pod.metadata.namespace}/${name}`));
  },
};

/** Keeps volumes from vanishing while they are bound. */
export const volumeProtectionController: ControllerDescriptor = {
  name: 'persistentvolume-protection-controller',
  aliases: ['pv-protection'],
  serviceAccount: 'pv-protection-controller',
  create({ client, informers, logger, options }) {
    const volumes = informers.informer<PersistentVolume>(gvr.persistentvolumes);

    async function reconcile(name: string): Promise<void> {
      const volume = volumes.lister.get(undefined, name);
      if (!volume) return;
      const has = volume.metadata.finalizers?.includes(volumeFinalizer) ?? false;
      const deleting = volume.metadata.deletionTimestamp !== undefined;
      if (deleting !== has || (deleting && volume.status?.phase === 'Bound')) return;
      try {
        await client
          .resource<V1PersistentVolume>(gvr.persistentvolumes)
          .update(withFinalizer(volume, volumeFinalizer, !deleting));
      } catch (error) {
        if (!isNotFound(error)) throw error;
      }
    }

    return new Reconciler({
      name: 'persistentvolume-protection-controller',
      logger,
      workers: options.concurrentSyncs,
      reconcile,
    }).watch(volumes, (volume) => [volume.metadata.name]);
  },
};
