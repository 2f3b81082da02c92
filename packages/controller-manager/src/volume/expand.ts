import type { V1PersistentVolume, V1PersistentVolumeClaim } from '@kubelab/api';
import { Quantity, splitObjectKey } from '@kubelab/apimachinery';
import { gvr } from '@kubelab/client';
import type { ControllerDescriptor } from '../framework/controller.js';
import type { PersistentVolume, PersistentVolumeClaim } from '../framework/kinds.js';
import { keyOf } from '../framework/live.js';
import { Reconciler } from '../framework/reconciler.js';
import { provisionedBy } from './annotations.js';
import { refersTo } from './match.js';
import { hostPathProvisioner } from './provision.js';

const storageOf = (list: Record<string, string> | undefined): Quantity => Quantity.parse(list?.storage ?? '0');

/**
 * Grows volumes whose claim asks for more. A directory has no size of its own: the numbers are raised. Volumes of other
 * provisioners are for external resizers, and the claim is told so.
 */
export const volumeExpanderController: ControllerDescriptor = {
  name: 'persistentvolume-expander-controller',
  aliases: ['persistentvolume-expander'],
  serviceAccount: 'expand-controller',
  eventSource: 'volume_expand',
  create({ client, informers, recorder, logger, options }) {
    const claims = informers.informer<PersistentVolumeClaim>(gvr.persistentvolumeclaims);
    const volumes = informers.informer<PersistentVolume>(gvr.persistentvolumes);
    const claimClient = client.resource<V1PersistentVolumeClaim>(gvr.persistentvolumeclaims);
    const volumeClient = client.resource<V1PersistentVolume>(gvr.persistentvolumes);

    async function reconcile(key: string): Promise<void> {
      const { namespace, name } = splitObjectKey(key);
      const claim = claims.lister.get(namespace, name);
      if (!claim || claim.metadata.deletionTimestamp || claim.status?.phase !== 'Bound') return;
      const volume = volumes.lister.get(undefined, claim.spec.volumeName ?? '');
      if (!volume?.spec.claimRef || !refersTo(volume.spec.claimRef, claim)) return;
      const wanted = storageOf(claim.spec.resources?.requests);
      if (wanted.cmp(storageOf(claim.status.capacity)) <= 0) return;
      if (volume.metadata.annotations?.[provisionedBy] !== hostPathProvisioner) {
        const message = 'waiting for an external controller to expand this PVC';
        recorder.event(claim, 'Normal', 'ExternalExpanding', message);
        return;
      }
      const storage = wanted.toString();
      if (wanted.cmp(storageOf(volume.spec.capacity)) > 0) {
        const patch = {
          metadata: { resourceVersion: volume.metadata.resourceVersion },
          spec: { capacity: { storage } },
        };
        await volumeClient.patch(volume.metadata.name, patch, { type: 'merge' });
      }
      const patch = {
        metadata: { resourceVersion: claim.metadata.resourceVersion },
        status: { capacity: { storage } },
      };
      await claimClient.namespace(namespace).patch(name, patch, { type: 'merge', subresource: 'status' });
      recorder.event(claim, 'Normal', 'VolumeResizeSuccessful', 'Resize volume succeeded');
    }

    return new Reconciler({
      name: 'persistentvolume-expander-controller',
      logger,
      workers: options.concurrentSyncs,
      reconcile,
    })
      .watch(claims, (claim, old) => {
        const request = (c: PersistentVolumeClaim | undefined) => c?.spec.resources?.requests?.storage;
        const isNews = !old || request(old) !== request(claim) || old.status?.phase !== claim.status?.phase;
        return isNews ? [keyOf(claim)] : [];
      })
      .needs(volumes);
  },
};
