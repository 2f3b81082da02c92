import type { V1Node, V1Pod } from '@kubelab/api';
import { isConflict, isNotFound, nowSecond } from '@kubelab/apimachinery';
import { gvr } from '@kubelab/client';
import { findCondition } from '../framework/conditions.js';
import type { Controller, ControllerContext, ControllerDescriptor } from '../framework/controller.js';
import type { Lease, Node, Pod } from '../framework/kinds.js';
import { everyPeriod, waitForSync } from '../framework/reconciler.js';
import { conditionsOfSilentNode, type NodeHealth, probe } from './health.js';
import { noExecuteTaint, notReadyTaint, readyCondition, unreachableTaint, updatedTaints } from './taints.js';
import { EvictionLimiter, evictionRate, zoneOf, zoneState } from './zones.js';

const leaseNamespace = 'kube-node-lease';
const podsByNode = 'nodeName';

/** Marks nodes that went silent as Unknown, taints nodes by their conditions, and marks the pods of lost nodes not ready. */
export const nodeLifecycleController: ControllerDescriptor = {
  name: 'node-lifecycle-controller',
  aliases: ['nodelifecycle'],
  serviceAccount: 'node-controller',
  create: newNodeLifecycleController,
};

function newNodeLifecycleController(context: ControllerContext): Controller {
  const { client, informers, recorder, logger, options } = context;
  const nodes = informers.informer<Node>(gvr.nodes);
  const leases = informers.informer<Lease>(gvr.leases, { namespace: leaseNamespace });
  const pods = informers.informer<Pod>(gvr.pods);
  pods.addIndexer(podsByNode, (pod) => (pod.spec.nodeName ? [pod.spec.nodeName] : []));
  const nodeClient = client.resource<V1Node>(gvr.nodes);
  const podClient = client.resource<V1Pod>(gvr.pods);
  const healths = new Map<string, NodeHealth>();
  const limiters = new Map<string, EvictionLimiter>();
  const startedAtMs = Date.now();
  /** Set by node events: taints follow conditions at once, not at the next period. */
  let dirty: (() => void) | undefined;

  async function monitor(): Promise<void> {
    const all = nodes.lister.list();
    const names = new Set(all.map((node) => node.metadata.name));
    for (const name of healths.keys()) if (!names.has(name)) healths.delete(name);
    const current = await Promise.all(all.map((node) => guarded(node, () => markSilent(node))));
    const zones = new Map<string, Node[]>();
    for (const node of current) {
      if (node) zones.set(zoneOf(node), [...(zones.get(zoneOf(node)) ?? []), node]);
    }
    const states = new Map([...zones].map(([zone, list]) => [zone, zoneState(list, options.unhealthyZoneThreshold)]));
    const allDown = states.size > 0 && [...states.values()].every((state) => state === 'FullDisruption');
    for (const [zone, list] of zones) {
      const rate = evictionRate(states.get(zone) ?? 'Normal', list.length, allDown, options);
      for (const node of list) await guarded(node, () => taint(node, zone, rate));
    }
  }

  /** One node's trouble must not stop the others. */
  async function guarded<T>(node: Node, work: () => Promise<T>): Promise<T | undefined> {
    try {
      return await work();
    } catch (error) {
      if (!isConflict(error) && !isNotFound(error)) {
        logger.warn('Node could not be updated', { node: node.metadata.name, error });
      }
      return undefined;
    }
  }

  async function markSilent(node: Node): Promise<Node> {
    const { name } = node.metadata;
    const nowMs = Date.now();
    const health = probe(healths.get(name), node, leases.lister.get(leaseNamespace, name), nowMs);
    healths.set(name, health);
    // A node that never reported has longer to start; counted from the first time this process saw it.
    const ready = readyCondition(node);
    const graceMs = ready ? options.nodeMonitorGracePeriodMs : options.nodeStartupGracePeriodMs;
    const conditions = conditionsOfSilentNode(node, health, graceMs, nowMs);
    if (!conditions) {
      if (ready && ready.status !== 'True') await markPodsNotReady(node);
      return node;
    }
    const updated = (await nodeClient.updateStatus({ ...node, status: { ...node.status, conditions } })) as Node;
    if (ready?.status === 'True') {
      recorder.event(node, 'Normal', 'NodeNotReady', `Node ${name} status is now: NodeNotReady`);
    }
    await markPodsNotReady(updated);
    return updated;
  }

  async function taint(node: Node, zone: string, rate: number): Promise<void> {
    const ready = readyCondition(node);
    const wanted = noExecuteTaint(ready);
    const has = (key: string): boolean =>
      (node.spec.taints ?? []).some((candidate) => candidate.key === key && candidate.effect === 'NoExecute');
    const isTainted = has(notReadyTaint) || has(unreachableTaint);
    let noExecute: { taint: typeof wanted } | undefined = { taint: wanted };
    // Only a first NoExecute taint gives pods up and is rate limited; swapping or removing one is not. Shortly after our
    // own start nothing is given up either: nodes may not have had the time to report to us.
    if (wanted && !isTainted) {
      const limiter = limiters.get(zone) ?? new EvictionLimiter();
      limiters.set(zone, limiter);
      if (!limiter.tryAccept(rate, Date.now())) noExecute = undefined;
    }
    const taints = updatedTaints(node, noExecute);
    if (!taints) return;
    const updated = await nodeClient.patch(
      node.metadata.name,
      { metadata: { resourceVersion: node.metadata.resourceVersion }, spec: { taints } },
      { type: 'merge' },
    );
    logger.info('Node taints updated', {
      node: updated.metadata?.name,
      taints: taints.map(({ key, effect }) => `${key}:${effect}`).join(','),
      sinceStartMs: Date.now() - startedAtMs,
    });
  }

  /** Pods of a node that is not heard of leave the endpoints of their services. */
  async function markPodsNotReady(node: Node): Promise<void> {
    if (readyCondition(node)?.status === 'True') return;
    for (const pod of pods.lister.byIndex(podsByNode, node.metadata.name)) {
      const ready = findCondition(pod.status?.conditions, 'Ready');
      if (ready?.status !== 'True') continue;
      const conditions = (pod.status?.conditions ?? []).map((condition) =>
        condition === ready ? { ...condition, status: 'False', lastTransitionTime: nowSecond() } : condition,
      );
      try {
        await podClient
          .namespace(pod.metadata.namespace)
          .updateStatus({ ...pod, status: { ...pod.status, conditions } });
        recorder.event(pod, 'Warning', 'NodeNotReady', 'Node is not ready');
      } catch (error) {
        if (!isConflict(error) && !isNotFound(error)) throw error;
      }
    }
  }

  nodes.addEventHandler({
    add(node) {
      recorder.event(
        node,
        'Normal',
        'RegisteredNode',
        `Node ${node.metadata.name} event: Registered Node ${node.metadata.name} in Controller`,
      );
      dirty?.();
    },
    update(old, node) {
      if (taintFacts(old) !== taintFacts(node)) dirty?.();
    },
    delete(node) {
      recorder.event(
        node,
        'Normal',
        'RemovingNode',
        `Node ${node.metadata.name} event: Removing Node ${node.metadata.name} from Controller`,
      );
      dirty?.();
    },
  });

  return {
    async run(signal) {
      await waitForSync([nodes, leases, pods], signal);
      let running: Promise<void> | undefined;
      let again = false;
      // One pass at a time; what changes meanwhile gets another.
      const pass = (): Promise<void> => {
        if (running) {
          again = true;
          return running;
        }
        running = (async () => {
          do {
            again = false;
            await monitor();
          } while (again && !signal.aborted);
        })().finally(() => {
          running = undefined;
        });
        return running;
      };
      dirty = () => {
        if (signal.aborted) return;
        pass().catch((error) => logger.warn('Node health could not be checked', { error }));
      };
      await everyPeriod(options.nodeMonitorPeriodMs, signal, logger, pass);
      dirty = undefined;
    },
  };
}

function taintFacts(node: Node): string {
  const conditions = (node.status?.conditions ?? []).map(({ type, status }) => `${type}=${status}`);
  const taints = (node.spec.taints ?? []).map(({ key, effect }) => `${key}:${effect}`);
  return [...conditions, ...taints, String(node.spec.unschedulable ?? false)].join(',');
}
