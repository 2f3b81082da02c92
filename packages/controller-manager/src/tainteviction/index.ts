import type { V1Pod, V1Taint } from '@kubelab/api';
import { isConflict, isNotFound, nowSecond, splitObjectKey } from '@kubelab/apimachinery';
import { gvr } from '@kubelab/client';
import { withCondition } from '../framework/conditions.js';
import type { ControllerContext, ControllerDescriptor } from '../framework/controller.js';
import type { Node, Pod } from '../framework/kinds.js';
import { keyOf } from '../framework/live.js';
import { type Outcome, Reconciler } from '../framework/reconciler.js';
import { evictionDelayMs } from '../framework/tolerations.js';

const podsByNode = 'nodeName';

/** Deletes pods from nodes with NoExecute taints that they do not tolerate, or not that long. */
export const taintEvictionController: ControllerDescriptor = {
  name: 'taint-eviction-controller',
  aliases: ['taint-eviction-controller'],
  serviceAccount: 'node-controller',
  eventSource: 'taint-eviction-controller',
  create: newTaintEvictionController,
};

function newTaintEvictionController(context: ControllerContext): Reconciler {
  const { client, informers, recorder, logger, options } = context;
  const nodes = informers.informer<Node>(gvr.nodes);
  const pods = informers.informer<Pod>(gvr.pods);
  pods.addIndexer(podsByNode, (pod) => (pod.spec.nodeName ? [pod.spec.nodeName] : []));
  const firstSeen = new Map<string, number>();
  const podClient = client.resource<V1Pod>(gvr.pods);

  async function reconcile(key: string): Promise<Outcome> {
    const { namespace, name } = splitObjectKey(key);
    const pod = pods.lister.get(namespace, name);
    if (!pod || pod.metadata.deletionTimestamp || !pod.spec.nodeName) return undefined;
    const node = nodes.lister.get(undefined, pod.spec.nodeName);
    const taints = noExecuteTaints(node);
    const wait = evictionDelayMs(taints, pod.spec.tolerations ?? []);
    if (wait === 'never') return undefined;
    if (wait !== 'now') {
      // Counted from the taint, not from when it was noticed: a restart of this process does not start it anew.
      const taintedAt = Math.max(...taints.map((taint) => startOf(node?.metadata.name ?? '', taint, pod)));
      const leftMs = taintedAt + wait - Date.now();
      if (leftMs > 0) return { requeueAfterMs: leftMs };
    }
    await evict(pod);
    return undefined;
  }

  /** When the toleration's time began: when the taint was added, or the pod if it came later. */
  function startOf(node: string, taint: V1Taint, pod: Pod): number {
    const bound = Date.parse(pod.status?.startTime ?? pod.metadata.creationTimestamp);
    const added = taint.timeAdded ? Date.parse(taint.timeAdded) : firstSeen.get(seenKey(node, taint));
    return Math.max(added ?? Date.now(), bound);
  }

  /** Taints that people set bear no time; they count from when they were seen. */
  function noteTaints(node: Node): void {
    const present = new Set(noExecuteTaints(node).map((taint) => seenKey(node.metadata.name, taint)));
    for (const key of firstSeen.keys()) {
      if (key.startsWith(`${node.metadata.name}|`) && !present.has(key)) firstSeen.delete(key);
    }
    for (const key of present) if (!firstSeen.has(key)) firstSeen.set(key, Date.now());
  }

  async function evict(pod: Pod): Promise<void> {
    const { namespace, name, uid } = pod.metadata;
    recorder.event(pod, 'Normal', 'TaintManagerEviction', `Marking for deletion Pod ${namespace}/${name}`);
    try {
      // Says why the pod ends, for whoever counts failures by cause (job pod failure policy).
      const conditions = withCondition(pod.status?.conditions, {
        type: 'DisruptionTarget',
        status: 'True',
        reason: 'DeletionByTaintManager',
        message: 'Taint manager: deleting due to NoExecute taint',
        lastTransitionTime: nowSecond(),
      });
      await podClient.namespace(namespace).updateStatus({ ...pod, status: { ...pod.status, conditions } });
      await podClient.namespace(namespace).delete(name, { preconditions: { uid } });
    } catch (error) {
      if (isNotFound(error)) return;
      if (isConflict(error)) throw new Error(`pod ${namespace}/${name} changed while being evicted`, { cause: error });
      throw error;
    }
  }

  return new Reconciler({ name: 'taint-eviction-controller', logger, workers: options.concurrentSyncs, reconcile })
    .watch(nodes, (node, old) => {
      noteTaints(node);
      if (old && JSON.stringify(noExecuteTaints(old)) === JSON.stringify(noExecuteTaints(node))) return [];
      return pods.lister.byIndex(podsByNode, node.metadata.name).map(keyOf);
    })
    .watch(pods, (pod) =>
      noExecuteTaints(nodes.lister.get(undefined, pod.spec.nodeName ?? '')).length > 0 ? [keyOf(pod)] : [],
    );
}

function noExecuteTaints(node: Node | undefined): V1Taint[] {
  return (node?.spec.taints ?? []).filter((taint) => taint.effect === 'NoExecute');
}

const seenKey = (node: string, { key, value, effect }: V1Taint): string => [node, key, value, effect].join('|');
