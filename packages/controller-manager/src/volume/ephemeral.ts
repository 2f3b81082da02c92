import type { V1PersistentVolumeClaim } from '@kubelab/api';
import { hasStatusCause, isAlreadyExists, splitObjectKey } from '@kubelab/apimachinery';
import { gvr } from '@kubelab/client';
import type { ControllerDescriptor } from '../framework/controller.js';
import type { PersistentVolumeClaim, Pod } from '../framework/kinds.js';
import { keyOf } from '../framework/live.js';
import { controllerRef, isControlledBy } from '../framework/owner-reference.js';
import { messageOf } from '../framework/pod-control.js';
import { Reconciler } from '../framework/reconciler.js';

/** Creates the claims of generic ephemeral volumes; each belongs to its pod and goes with it. */
export const ephemeralVolumeController: ControllerDescriptor = {
  name: 'ephemeral-volume-controller',
  aliases: ['ephemeral-volume'],
  create({ client, informers, recorder, logger, options }) {
    const pods = informers.informer<Pod>(gvr.pods);
    const claims = informers.informer<PersistentVolumeClaim>(gvr.persistentvolumeclaims);
    const claimClient = client.resource<V1PersistentVolumeClaim>(gvr.persistentvolumeclaims);
    const hasEphemeral = (pod: Pod): boolean => (pod.spec.volumes ?? []).some(({ ephemeral }) => ephemeral);

    async function reconcile(key: string): Promise<void> {
      const { namespace, name } = splitObjectKey(key);
      const pod = pods.lister.get(namespace, name);
      if (!pod || pod.metadata.deletionTimestamp) return;
      for (const volume of pod.spec.volumes ?? []) {
        const template = volume.ephemeral?.volumeClaimTemplate;
        if (!template) continue;
        const claimName = `${name}-${volume.name}`;
        const existing = claims.lister.get(namespace, claimName);
        if (existing) {
          if (isControlledBy(existing, pod)) continue;
          throw new Error(`PVC ${namespace}/${claimName} was not created for pod ${key} (pod is not owner)`);
        }
        const claim: V1PersistentVolumeClaim = {
          apiVersion: 'v1',
          kind: 'PersistentVolumeClaim',
          metadata: {
            name: claimName,
            namespace,
            labels: template.metadata?.labels,
            annotations: template.metadata?.annotations,
            ownerReferences: [controllerRef(pod)],
          },
          spec: template.spec,
        };
        try {
          await claimClient.namespace(namespace).create(claim);
        } catch (error) {
          if (isAlreadyExists(error) || hasStatusCause(error, 'NamespaceTerminating')) continue;
          recorder.event(
            pod,
            'Warning',
            'FailedCreate',
            `ephemeral volume controller: create PVC ${claimName}: ${messageOf(error)}`,
          );
          throw error;
        }
      }
    }

    return new Reconciler({ name: 'ephemeral-volume-controller', logger, workers: options.concurrentSyncs, reconcile })
      .watch(pods, (pod) => (hasEphemeral(pod) ? [keyOf(pod)] : []))
      .watch(claims, (claim) =>
        (claim.metadata.ownerReferences ?? [])
          .filter(({ kind, controller }) => kind === 'Pod' && controller)
          .map(({ name }) => `${claim.metadata.namespace}/${name}`),
      );
  },
};
