import type { V1Node, V1Pod } from '@kubelab/api';
import { isAlreadyExists, isNotFound } from '@kubelab/apimachinery';
import { type Client, gvr } from '@kubelab/client';
import type { Logger } from '@kubelab/component-base';
import type { PodManager } from '../pod/manager.js';
import { configHashAnnotation, configMirrorAnnotation, type Pod } from '../pod/types.js';

export interface MirrorOptions {
  client: Client;
  manager: () => PodManager;
  logger: Logger;
  /** Owner of mirror pods; undefined until the node is registered. */
  node(): V1Node | undefined;
  signal: AbortSignal;
}

const retryMs = 5_000;

/** Keeps one API object for each static pod, so that they can be seen (but not changed) through the API. */
export class MirrorPods {
  private readonly busy = new Map<string, boolean>();

  constructor(private readonly options: MirrorOptions) {}

  /** Something about the pod or its mirror has changed; work for one name is never done twice at once. */
  sync(fullName: string): void {
    if (this.options.signal.aborted) return;
    if (this.busy.has(fullName)) {
      this.busy.set(fullName, true);
      return;
    }
    this.busy.set(fullName, false);
    this.reconcile(fullName)
      .catch((error) => {
        this.options.logger.warn('Mirror pod could not be brought up to date', { pod: fullName, error });
        const timer = setTimeout(() => this.sync(fullName), retryMs);
        timer.unref();
      })
      .finally(() => {
        const again = this.busy.get(fullName);
        this.busy.delete(fullName);
        if (again) this.sync(fullName);
      });
  }

  private async reconcile(fullName: string): Promise<void> {
    const manager = this.options.manager();
    const pod = manager.staticPod(fullName);
    const mirror = manager.mirror(fullName);
    const [namespace = '', name = ''] = fullName.split('/');
    const pods = this.options.client.resource<V1Pod>(gvr.pods).namespace(namespace);
    const hash = pod?.metadata.annotations?.[configHashAnnotation];
    const outdated = mirror && mirror.metadata.annotations?.[configMirrorAnnotation] !== hash;
    if (mirror && (outdated || mirror.metadata.deletionTimestamp)) {
      try {
        await pods.delete(name, { gracePeriodSeconds: 0, preconditions: { uid: mirror.metadata.uid } });
      } catch (error) {
        if (!isNotFound(error)) throw error;
      }
      return;
    }
    if (!pod || mirror) return;
    const node = this.options.node();
    if (!node?.metadata?.uid) return;
    try {
      await pods.create(mirrorOf(pod, node, hash ?? ''));
    } catch (error) {
      if (!isAlreadyExists(error)) throw error;
    }
  }
}

function mirrorOf(pod: Pod, node: V1Node, hash: string): V1Pod {
  const { uid: _uid, ...metadata } = pod.metadata;
  return {
    apiVersion: 'v1',
    kind: 'Pod',
    metadata: {
      ...metadata,
      annotations: { ...metadata.annotations, [configMirrorAnnotation]: hash },
      ownerReferences: [
        {
          apiVersion: 'v1',
          kind: 'Node',
          name: node.metadata?.name ?? '',
          uid: node.metadata?.uid ?? '',
          controller: true,
        },
      ],
    },
    spec: pod.spec,
  };
}
