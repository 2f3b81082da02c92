import type { V1Pod } from '@kubelab/api';
import { isAlreadyExists, isNotFound } from '@kubelab/apimachinery';
import type { Lister, ResourceClient } from '@kubelab/client';
import type { Pod } from '../framework/kinds.js';

export type DirectoryTask = 'make' | 'remove';

/** On helper pods: the volume whose directory they make or remove. */
export const helperVolumeLabel = 'kubelab.io/volume-directory';
/** On helper pods that make a directory: the claim that waits, `NAMESPACE/NAME`. */
export const helperClaimAnnotation = 'kubelab.io/claim';

const namespace = 'kube-system';
const mountPath = '/volumes';

export interface HelperOptions {
  pods: Lister<Pod>;
  client: ResourceClient<V1Pod>;
  /** Has `mkdir` and `rm`; is there on every node. */
  image: string;
  /** Parent of the directories, on the nodes. */
  baseDir: string;
}

export interface HelperRequest {
  task: DirectoryTask;
  volumeName: string;
  /** The node to work on; the scheduler's choice without one. */
  node?: string;
  /** `NAMESPACE/NAME` */
  claim: string;
}

/**
 * Makes and removes the directories of host path volumes where they belong: by a pod on that node, for this process may
 * run on another machine. Each call looks at how far the pod is; its events lead to the next call.
 */
export class DirectoryHelper {
  constructor(private readonly o: HelperOptions) {}

  /** The node where the task is done; undefined as long as it is not. Throws with the pod's message when it failed. */
  async run(request: HelperRequest): Promise<string | undefined> {
    const name = podName(request.task, request.volumeName);
    const pod = this.o.pods.get(namespace, name);
    if (!pod) {
      await this.create(name, request);
      return undefined;
    }
    if (pod.status?.phase === 'Succeeded') return pod.spec.nodeName;
    if (pod.status?.phase === 'Failed') {
      await this.finish(request.task, request.volumeName);
      const state = pod.status.containerStatuses?.[0]?.state?.terminated;
      const reason = state?.message?.trim() || pod.status.message || `exit code ${state?.exitCode}`;
      throw new Error(`failed to ${request.task} the directory of ${request.volumeName}: ${reason}`);
    }
    return undefined;
  }

  /** The task's outcome is written down: its pod can go. */
  async finish(task: DirectoryTask, volumeName: string): Promise<void> {
    const name = podName(task, volumeName);
    const pod = this.o.pods.get(namespace, name);
    if (!pod || pod.metadata.deletionTimestamp) return;
    try {
      await this.o.client.namespace(namespace).delete(name, { preconditions: { uid: pod.metadata.uid } });
    } catch (error) {
      if (!isNotFound(error)) throw error;
    }
  }

  private async create(name: string, request: HelperRequest): Promise<void> {
    try {
      await this.o.client.namespace(namespace).create(helperPod(name, request, this.o.image, this.o.baseDir));
    } catch (error) {
      if (!isAlreadyExists(error)) throw error;
    }
  }
}

const podName = (task: DirectoryTask, volumeName: string): string => `volume-${task}-${volumeName}`;

export function helperPod(name: string, request: HelperRequest, image: string, baseDir: string): V1Pod {
  const { task, volumeName, node, claim } = request;
  const directory = `${mountPath}/${volumeName}`;
  // Any user of a container may write, as in the directories of Kubernetes' own host path provisioner.
  const command = task === 'make' ? ['mkdir', '-p', '-m', '0777', directory] : ['rm', '-rf', directory];
  return {
    apiVersion: 'v1',
    kind: 'Pod',
    metadata: {
      name,
      namespace,
      labels: { [helperVolumeLabel]: volumeName },
      annotations: { [helperClaimAnnotation]: claim },
    },
    spec: {
      ...(node ? { nodeName: node } : {}),
      restartPolicy: 'Never',
      terminationGracePeriodSeconds: 0,
      automountServiceAccountToken: false,
      enableServiceLinks: false,
      hostNetwork: true,
      priorityClassName: 'system-node-critical',
      tolerations: [{ operator: 'Exists' }],
      containers: [
        {
          name: task,
          image,
          imagePullPolicy: 'IfNotPresent',
          command,
          terminationMessagePolicy: 'FallbackToLogsOnError',
          volumeMounts: [{ name: 'volumes', mountPath }],
        },
      ],
      volumes: [{ name: 'volumes', hostPath: { path: baseDir, type: 'DirectoryOrCreate' } }],
    },
  };
}
