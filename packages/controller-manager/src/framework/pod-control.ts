import type { V1Pod, V1PodTemplateSpec } from '@kubelab/api';
import { hasStatusCause, isDns1123Subdomain, isNotFound } from '@kubelab/apimachinery';
import { type Client, type EventRecorder, gvr, type ResourceClient } from '@kubelab/client';
import type { Live } from './live.js';
import { controllerRef } from './owner-reference.js';

type Owner = Live<{ spec?: unknown }>;

/** Creates and deletes pods in the name of a controller object, with Kubernetes' events on that object. */
export class PodControl {
  private readonly pods: ResourceClient<V1Pod>;

  constructor(
    client: Client,
    private readonly recorder: EventRecorder,
  ) {
    this.pods = client.resource<V1Pod>(gvr.pods);
  }

  /** Creates a pod from `template`, owned by `owner`. Its name is generated unless `name` says otherwise. */
  async create(owner: Owner, template: V1PodTemplateSpec, change?: (pod: V1Pod) => void): Promise<V1Pod> {
    const pod = podFromTemplate(owner, template);
    change?.(pod);
    let created: V1Pod;
    try {
      created = await this.pods.namespace(owner.metadata.namespace).create(pod);
    } catch (error) {
      // Nothing can be created in a namespace on its way out: no use telling anyone.
      if (!hasStatusCause(error, 'NamespaceTerminating')) {
        this.recorder.event(owner, 'Warning', 'FailedCreate', `Error creating: ${messageOf(error)}`);
      }
      throw error;
    }
    this.recorder.event(owner, 'Normal', 'SuccessfulCreate', `Created pod: ${created.metadata?.name}`);
    return created;
  }

  /** Deletes a pod; a pod that is already gone is fine. */
  async delete(owner: Owner, name: string): Promise<void> {
    try {
      await this.pods.namespace(owner.metadata.namespace).delete(name);
    } catch (error) {
      if (isNotFound(error)) throw error;
      this.recorder.event(owner, 'Warning', 'FailedDelete', `Error deleting: ${messageOf(error)}`);
      throw error;
    }
    this.recorder.event(owner, 'Normal', 'SuccessfulDelete', `Deleted pod: ${name}`);
  }
}

/** The pod that a template describes, as controllers create it. */
export function podFromTemplate(owner: Owner, template: V1PodTemplateSpec): V1Pod {
  const dashed = `${owner.metadata.name}-`;
  return {
    apiVersion: 'v1',
    kind: 'Pod',
    metadata: {
      generateName: isDns1123Subdomain(`${dashed}x`).length === 0 ? dashed : owner.metadata.name,
      namespace: owner.metadata.namespace,
      labels: { ...template.metadata?.labels },
      annotations: { ...template.metadata?.annotations },
      finalizers: [...(template.metadata?.finalizers ?? [])],
      ownerReferences: [controllerRef(owner)],
    },
    spec: structuredClone(template.spec) ?? { containers: [] },
  };
}

export function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
