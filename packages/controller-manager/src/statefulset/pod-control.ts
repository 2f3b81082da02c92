import type { V1Pod } from '@kubelab/api';
import { hasStatusCause, isAlreadyExists, isNotFound } from '@kubelab/apimachinery';
import { type Client, type EventRecorder, gvr, type ResourceClient } from '@kubelab/client';
import type { Pod, StatefulSet } from '../framework/kinds.js';
import { messageOf } from '../framework/pod-control.js';
import type { ClaimControl } from './claims.js';
import { ordinalOf } from './pod.js';

/** Creates, updates and deletes the pods of stateful sets, with Kubernetes' events. */
export class StatefulPodControl {
  private readonly pods: ResourceClient<V1Pod>;

  constructor(
    client: Client,
    private readonly claims: ClaimControl,
    private readonly recorder: EventRecorder,
  ) {
    this.pods = client.resource<V1Pod>(gvr.pods);
  }

  /** Creates the pod after its claims. A pod that exists already (a stale cache) is returned. */
  async create(set: StatefulSet, pod: V1Pod): Promise<V1Pod> {
    const name = pod.metadata?.name ?? '';
    try {
      await this.claims.ensure(set, ordinalOf(pod));
      const created = await this.pods.namespace(set.metadata.namespace).create(pod);
      this.tell(set, 'create', name);
      return created;
    } catch (error) {
      if (isAlreadyExists(error))
        throw new Error(`pod ${name} exists already, waiting for the cache`, { cause: error });
      if (!hasStatusCause(error, 'NamespaceTerminating')) this.tell(set, 'create', name, error);
      throw error;
    }
  }

  async update(set: StatefulSet, pod: V1Pod): Promise<void> {
    const name = pod.metadata?.name ?? '';
    try {
      await this.pods.namespace(set.metadata.namespace).update(pod);
      this.tell(set, 'update', name);
    } catch (error) {
      this.tell(set, 'update', name, error);
      throw error;
    }
  }

  /** Deletes exactly this pod, not a successor of the same name. */
  async delete(set: StatefulSet, pod: Pod): Promise<void> {
    const { namespace, name, uid } = pod.metadata;
    try {
      await this.pods.namespace(namespace).delete(name, { preconditions: { uid } });
      this.tell(set, 'delete', name);
    } catch (error) {
      if (isNotFound(error)) return;
      this.tell(set, 'delete', name, error);
      throw error;
    }
  }

  tellRecreation(set: StatefulSet, pod: Pod): void {
    const subject = `StatefulSet ${set.metadata.namespace}/${set.metadata.name} is recreating`;
    if (pod.status?.phase === 'Failed') {
      this.recorder.event(set, 'Warning', 'RecreatingFailedPod', `${subject} failed Pod ${pod.metadata.name}`);
    } else {
      this.recorder.event(set, 'Normal', 'RecreatingTerminatedPod', `${subject} terminated Pod ${pod.metadata.name}`);
    }
  }

  private tell(set: StatefulSet, verb: 'create' | 'update' | 'delete', pod: string, error?: unknown): void {
    const noun = `${verb[0]?.toUpperCase()}${verb.slice(1)}`;
    const subject = `${verb} Pod ${pod} in StatefulSet ${set.metadata.name}`;
    if (error === undefined) this.recorder.event(set, 'Normal', `Successful${noun}`, `${subject} successful`);
    else this.recorder.event(set, 'Warning', `Failed${noun}`, `${subject} failed error: ${messageOf(error)}`);
  }
}
