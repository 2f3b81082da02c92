import type { V1Pod } from '@kubelab/api';
import { isInvalid, isNotFound } from '@kubelab/apimachinery';
import { type Client, type EventRecorder, gvr, type ResourceClient } from '@kubelab/client';
import type { Job, Pod } from '../framework/kinds.js';
import { PodControl } from '../framework/pod-control.js';
import { prepareJobPod, trackingFinalizer } from './pod.js';
import { ReleasedPods } from './released-pods.js';

/** The writes on a job's pods. */
export class JobPodControl {
  private readonly pods: ResourceClient<V1Pod>;
  private readonly control: PodControl;
  /** Those that `release` let go, until the cache shows it. */
  readonly released = new ReleasedPods();

  constructor(client: Client, recorder: EventRecorder) {
    this.pods = client.resource<V1Pod>(gvr.pods);
    this.control = new PodControl(client, recorder);
  }

  async create(job: Job, index: number | undefined, failures: number | undefined): Promise<void> {
    await this.control.create(job, job.spec.template, (pod) => prepareJobPod(job, pod, index, failures));
  }

  /** Deletes a pod. Returns the error, if any; a pod that is gone is none. */
  async delete(job: Job, pod: Pod): Promise<unknown> {
    try {
      await this.control.delete(job, pod.metadata.name);
      return undefined;
    } catch (error) {
      return isNotFound(error) ? undefined : error;
    }
  }

  /** Removes the tracking finalizer. Returns the UIDs of the pods that have it no more. Throws the first other error. */
  async release(pods: V1Pod[]): Promise<Set<string>> {
    const released = new Set<string>();
    await Promise.all(
      pods.map(async (pod) => {
        const { namespace = '', name = '', uid = '' } = pod.metadata ?? {};
        const patch = { metadata: { uid, '$deleteFromPrimitiveList/finalizers': [trackingFinalizer] } };
        this.released.add(uid);
        try {
          await this.pods.namespace(namespace).patch(name, patch, { type: 'strategic' });
        } catch (error) {
          // Gone, or a successor of the same name (the uid differs): no finalizer of ours is left.
          if (!isNotFound(error) && !isInvalid(error)) {
            this.released.forget(uid);
            throw error;
          }
        }
        released.add(uid);
      }),
    );
    return released;
  }
}
