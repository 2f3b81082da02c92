import type { V1Job, V1Pod } from '@kubelab/api';
import { labelSelectorAsSelector, splitObjectKey } from '@kubelab/apimachinery';
import { gvr, WorkQueue } from '@kubelab/client';
import type { Controller, ControllerContext, ControllerDescriptor } from '../framework/controller.js';
import { Expectations } from '../framework/expectations.js';
import type { Job, Pod } from '../framework/kinds.js';
import { keyOf } from '../framework/live.js';
import { indexByController, ownedOrOrphaned } from '../framework/owned-index.js';
import { controllerKey, controllerOf } from '../framework/owner-reference.js';
import { type Outcome, Reconciler, waitForSync } from '../framework/reconciler.js';
import { claimObjects } from '../framework/ref-manager.js';
import { isFinished } from './conditions.js';
import { JobPodControl } from './job-pod-control.js';
import { isTracked, trackingFinalizer } from './pod.js';
import { syncJob } from './sync.js';

const managedBySelf = 'kubernetes.io/job-controller';

/** Runs batch/v1 Jobs to completion. */
export const jobController: ControllerDescriptor = {
  name: 'job-controller',
  aliases: ['job'],
  create: newJobController,
};

function newJobController(context: ControllerContext): Controller {
  const { client, informers, recorder, logger, options } = context;
  const jobs = informers.informer<Job>(gvr.jobs);
  const pods = informers.informer<Pod>(gvr.pods);
  const jobClient = client.resource<V1Job>(gvr.jobs);
  const podClient = client.resource<V1Pod>(gvr.pods);
  const podControl = new JobPodControl(client, recorder);
  const expectations = new Expectations();
  indexByController(pods);
  /** Jobs as last written, used while the cache is behind: an old status with new pods would miscount. */
  const written = new Map<string, Job>();
  const orphans = new WorkQueue<string>({ name: 'job-orphan-pods' });

  function newest(key: string): Job | undefined {
    const { namespace, name } = splitObjectKey(key);
    const cached = jobs.lister.get(namespace, name);
    const own = written.get(key);
    const isBehind =
      cached !== undefined &&
      own !== undefined &&
      own.metadata.uid === cached.metadata.uid &&
      BigInt(own.metadata.resourceVersion) > BigInt(cached.metadata.resourceVersion);
    if (isBehind) return own;
    written.delete(key);
    return cached;
  }

  async function reconcile(key: string): Promise<Outcome> {
    const job = newest(key);
    if (!job) {
      expectations.delete(key);
      return undefined;
    }
    const { namespace, name } = job.metadata;
    if (job.spec.managedBy !== undefined && job.spec.managedBy !== managedBySelf) return undefined;
    const cached = await claimObjects<Pod>({
      owner: job,
      selector: labelSelectorAsSelector(job.spec.selector),
      objects: ownedOrOrphaned(pods.lister, job),
      client: podClient,
      readOwner: () => jobClient.namespace(namespace).get(name),
      finalizers: [trackingFinalizer],
    });
    const claimed = cached.map((pod) => podControl.released.current(pod));
    if (isFinished(job)) {
      // Whatever still carries the finalizer was counted, or came too late to be.
      await podControl.release(claimed.filter(isTracked));
      return undefined;
    }
    return syncJob({
      key,
      job,
      pods: claimed,
      jobs: jobClient,
      podControl,
      expectations,
      recorder,
      nowMs: Date.now(),
      written: job.status,
      wrote: (updated) => written.set(key, updated),
    });
  }

  /** Pods whose job is gone must not be kept by its finalizer. */
  async function releaseOrphan(key: string): Promise<void> {
    const { namespace, name } = splitObjectKey(key);
    const pod = pods.lister.get(namespace, name);
    if (!pod || !isTracked(pod) || hasJob(pod)) return;
    await podControl.release([pod]);
  }

  function hasJob(pod: Pod): boolean {
    const owner = controllerOf(pod);
    if (owner?.kind !== 'Job') return false;
    const job = jobs.lister.get(pod.metadata.namespace, owner.name);
    return job?.metadata.uid === owner.uid;
  }

  const jobKey = (pod: Pod): string | undefined => controllerKey(pod, 'batch', 'Job');
  const checkOrphan = (pod: Pod): void => {
    if (isTracked(pod) && jobs.hasSynced() && !hasJob(pod)) orphans.add(keyOf(pod));
  };
  pods.addEventHandler({
    add(pod) {
      const key = jobKey(pod);
      if (key && pod.metadata.deletionTimestamp) expectations.deletionObserved(key, pod.metadata.uid);
      else if (key) expectations.creationObserved(key);
      podControl.released.observe(pod);
      checkOrphan(pod);
    },
    update(_, pod) {
      const key = jobKey(pod);
      if (key && pod.metadata.deletionTimestamp) expectations.deletionObserved(key, pod.metadata.uid);
      podControl.released.observe(pod);
      checkOrphan(pod);
    },
    delete(pod) {
      const key = jobKey(pod);
      if (key) expectations.deletionObserved(key, pod.metadata.uid);
      podControl.released.forget(pod.metadata.uid);
    },
  });
  jobs.addEventHandler({
    delete(job) {
      for (const pod of pods.lister.list(job.metadata.namespace)) checkOrphan(pod);
    },
  });
  const matching = (pod: Pod): string[] =>
    jobs.lister
      .list(pod.metadata.namespace)
      .filter((job) => labelSelectorAsSelector(job.spec.selector).matches(pod.metadata.labels))
      .map(keyOf);

  const reconciler = new Reconciler({ name: 'job-controller', logger, workers: options.concurrentSyncs, reconcile })
    .watch(jobs, (job) => [keyOf(job)])
    .watch(pods, (pod, old) => {
      const keys = [jobKey(pod), old && jobKey(old)];
      return controllerOf(pod) ? keys : [...keys, ...matching(pod)];
    });
  return {
    attachMetrics: (registry) => reconciler.attachMetrics(registry),
    async run(signal) {
      await waitForSync([jobs, pods], signal);
      for (const pod of pods.lister.list()) checkOrphan(pod);
      await Promise.all([
        reconciler.run(signal),
        orphans.run({ workers: options.concurrentSyncs, reconcile: releaseOrphan, logger, signal }),
      ]);
    },
  };
}
