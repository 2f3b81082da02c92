import type { V1Job } from '@kubelab/api';
import { isConflict, isNotFound, splitObjectKey } from '@kubelab/apimachinery';
import { gvr } from '@kubelab/client';
import type { ControllerDescriptor } from '../framework/controller.js';
import type { Job } from '../framework/kinds.js';
import { keyOf } from '../framework/live.js';
import { type Outcome, Reconciler } from '../framework/reconciler.js';

/** When the job's time to live ends; undefined while it has none or is not finished. */
export function expiryMs(job: V1Job): number | undefined {
  const ttl = job.spec?.ttlSecondsAfterFinished;
  const finished = job.status?.conditions?.find(
    ({ type, status }) => (type === 'Complete' || type === 'Failed') && status === 'True',
  );
  if (ttl === undefined || !finished?.lastTransitionTime) return undefined;
  return Date.parse(finished.lastTransitionTime) + ttl * 1000;
}

/** Deletes finished jobs after ttlSecondsAfterFinished. */
export const ttlAfterFinishedController: ControllerDescriptor = {
  name: 'ttl-after-finished-controller',
  aliases: ['ttl-after-finished'],
  create({ client, informers, logger, options }) {
    const jobs = informers.informer<Job>(gvr.jobs);
    const jobClient = client.resource<V1Job>(gvr.jobs);

    async function reconcile(key: string): Promise<Outcome> {
      const { namespace, name } = splitObjectKey(key);
      const job = jobs.lister.get(namespace, name);
      const expiry = job && expiryMs(job);
      if (!job || job.metadata.deletionTimestamp || expiry === undefined) return undefined;
      const leftMs = expiry - Date.now();
      if (leftMs > 0) return { requeueAfterMs: leftMs };
      try {
        // Live, because the time to live may just have been raised.
        const fresh = await jobClient.namespace(namespace).get(name);
        if (fresh.metadata?.uid !== job.metadata.uid || expiryMs(fresh) !== expiry) return undefined;
        await jobClient.namespace(namespace).delete(name, {
          propagationPolicy: 'Foreground',
          preconditions: { uid: job.metadata.uid, resourceVersion: fresh.metadata.resourceVersion },
        });
      } catch (error) {
        if (!isNotFound(error) && !isConflict(error)) throw error;
      }
      return undefined;
    }

    return new Reconciler({
      name: 'ttl-after-finished-controller',
      logger,
      workers: options.concurrentSyncs,
      reconcile,
    }).watch(jobs, (job) => (job.spec.ttlSecondsAfterFinished === undefined ? [] : [keyOf(job)]));
  },
};
