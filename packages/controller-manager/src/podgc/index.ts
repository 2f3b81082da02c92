import type { V1Node, V1Pod } from '@kubelab/api';
import { isConflict, isNotFound, nowSecond } from '@kubelab/apimachinery';
import { gvr } from '@kubelab/client';
import { withCondition } from '../framework/conditions.js';
import type { Controller, ControllerDescriptor } from '../framework/controller.js';
import type { Node, Pod } from '../framework/kinds.js';
import { isPodTerminal } from '../framework/pods.js';
import { everyPeriod, waitForSync } from '../framework/reconciler.js';

const periodMs = 20_000;
/** A node must be missing this long before its pods are: it may only be registering again. */
const quarantineMs = 40_000;
const outOfServiceTaint = 'node.kubernetes.io/out-of-service';

const byCreation = (a: Pod, b: Pod): number =>
  Date.parse(a.metadata.creationTimestamp) - Date.parse(b.metadata.creationTimestamp);

/** Deletes finished pods beyond the threshold, pods of nodes that are gone, and pods that ended before they were bound. */
export const podGarbageCollectorController: ControllerDescriptor = {
  name: 'pod-garbage-collector-controller',
  aliases: ['podgc'],
  serviceAccount: 'pod-garbage-collector',
  create({ client, informers, logger, options }): Controller {
    const pods = informers.informer<Pod>(gvr.pods);
    const nodes = informers.informer<Node>(gvr.nodes);
    const podClient = client.resource<V1Pod>(gvr.pods);
    const nodeClient = client.resource<V1Node>(gvr.nodes);
    /** When a node was first missed; a restart starts the quarantine anew, which only delays. */
    const missing = new Map<string, number>();

    async function collect(): Promise<void> {
      const all = pods.lister.list();
      await collectTerminated(all);
      await collectOrphaned(all);
      for (const pod of all) {
        if (!pod.metadata.deletionTimestamp) continue;
        const node = nodes.lister.get(undefined, pod.spec.nodeName ?? '');
        const outOfService = node?.spec.taints?.some((taint) => taint.key === outOfServiceTaint);
        // Never bound, so no kubelet will finish the deletion; or bound where none can.
        if (!pod.spec.nodeName) {
          await markFailed(pod);
          await forceDelete(pod);
        } else if (outOfService && !isReady(node)) {
          await markFailed(pod, 'DeletionByPodGC', 'PodGC: node is out of service');
          await forceDelete(pod);
        }
      }
    }

    async function collectTerminated(all: Pod[]): Promise<void> {
      const threshold = options.terminatedPodGcThreshold;
      if (threshold <= 0) return;
      const finished = all.filter((pod) => isPodTerminal(pod) && !pod.metadata.deletionTimestamp).sort(byCreation);
      for (const pod of finished.slice(0, Math.max(0, finished.length - threshold))) await forceDelete(pod);
    }

    async function collectOrphaned(all: Pod[]): Promise<void> {
      const nowMs = Date.now();
      const absent = new Set(
        all.flatMap(({ spec: { nodeName } }) => (nodeName && !nodes.lister.get(undefined, nodeName) ? [nodeName] : [])),
      );
      for (const name of missing.keys()) if (!absent.has(name)) missing.delete(name);
      for (const name of absent) {
        const since = missing.get(name) ?? nowMs;
        missing.set(name, since);
        if (nowMs - since < quarantineMs || (await nodeExists(name))) continue;
        for (const pod of all.filter(({ spec }) => spec.nodeName === name)) {
          await markFailed(pod, 'DeletionByPodGC', 'PodGC: node no longer exists');
          await forceDelete(pod);
        }
      }
    }

    async function nodeExists(name: string): Promise<boolean> {
      try {
        await nodeClient.get(name);
        return true;
      } catch (error) {
        if (isNotFound(error)) return false;
        throw error;
      }
    }

    /** Whoever waits for the pod's end (a job) must see it, although no kubelet is there to report it. */
    async function markFailed(pod: Pod, reason?: string, message?: string): Promise<void> {
      if (isPodTerminal(pod)) return;
      const disruption = { type: 'DisruptionTarget', status: 'True', reason, message, lastTransitionTime: nowSecond() };
      const conditions = reason ? withCondition(pod.status?.conditions, disruption) : undefined;
      await attempt(() =>
        podClient
          .namespace(pod.metadata.namespace)
          .patch(
            pod.metadata.name,
            { metadata: { uid: pod.metadata.uid }, status: { phase: 'Failed', ...(conditions && { conditions }) } },
            { type: 'strategic', subresource: 'status' },
          ),
      );
    }

    async function forceDelete(pod: Pod): Promise<void> {
      const { namespace, name, uid } = pod.metadata;
      logger.info('Pod garbage collected', { pod: `${namespace}/${name}` });
      await attempt(() =>
        podClient.namespace(namespace).delete(name, { gracePeriodSeconds: 0, preconditions: { uid } }),
      );
    }

    async function attempt(call: () => Promise<unknown>): Promise<void> {
      try {
        await call();
      } catch (error) {
        if (!isNotFound(error) && !isConflict(error)) throw error;
      }
    }

    return {
      async run(signal) {
        await waitForSync([pods, nodes], signal);
        await everyPeriod(periodMs, signal, logger, collect);
      },
    };
  },
};

function isReady(node: Node | undefined): boolean {
  return (
    node?.status?.conditions?.some((condition) => condition.type === 'Ready' && condition.status === 'True') ?? false
  );
}
