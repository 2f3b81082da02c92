import type { V1Namespace, V1Node, V1Pod, V1PodDisruptionBudget } from '@kubelab/api';
import { isConflict, isNotFound } from '@kubelab/apimachinery';
import { type Client, EventRecorder, gvr, InformerFactory, type Lister } from '@kubelab/client';
import type { Logger } from '@kubelab/component-base';
import type { NodeInfo } from './cache/node-info.js';
import { SchedulerCache } from './cache/scheduler-cache.js';
import { FitError } from './framework/fit-error.js';
import { PluginRunner } from './framework/run-plugins.js';
import type { CycleState, Refusal } from './framework/types.js';
import type { SchedulerMetrics } from './metrics.js';
import { nodeChangeMatters } from './node-change.js';
import { defaultPlugins } from './plugins/index.js';
import { findPreemption } from './preemption.js';
import { type QueuedPod, SchedulingQueue } from './queue/scheduling-queue.js';

export interface SchedulerOptions {
  client: Client;
  logger: Logger;
  metrics: SchedulerMetrics;
  /** Pods with another schedulerName are another scheduler's. */
  schedulerName: string;
}

/** Bindings that may be on their way to the API server at once. */
const maxBindings = 64;

const keyOf = (pod: V1Pod): string => `${pod.metadata?.namespace}/${pod.metadata?.name}`;
const isTerminal = (pod: V1Pod): boolean => pod.status?.phase === 'Succeeded' || pod.status?.phase === 'Failed';

/** Puts pods on nodes, one at a time; the bindings are written while the next pods are looked at. */
export class Scheduler {
  private readonly cache = new SchedulerCache();
  private readonly runner: PluginRunner;
  private readonly queue: SchedulingQueue;
  private readonly recorder: EventRecorder;
  private readonly informers: InformerFactory;
  private readonly budgets: Lister<V1PodDisruptionBudget>;
  private readonly bindings = new Set<Promise<void>>();
  /** Where the search for nodes begins, so that all get their turn. */
  private nextNode = 0;

  constructor(private readonly options: SchedulerOptions) {
    const { client, logger } = options;
    this.informers = new InformerFactory(client, { logger });
    const namespaces = this.informers.informer<V1Namespace>(gvr.namespaces).lister;
    this.runner = new PluginRunner(
      defaultPlugins((namespace) => namespaces.get(undefined, namespace)?.metadata?.labels ?? {}),
    );
    this.queue = new SchedulingQueue(this.runner.all);
    this.recorder = new EventRecorder(client, { component: options.schedulerName, logger });
    this.budgets = this.informers.informer<V1PodDisruptionBudget>(gvr.poddisruptionbudgets).lister;
    this.follow();
  }

  /** Schedules until the signal aborts. */
  async run(signal: AbortSignal): Promise<void> {
    this.informers.start(signal);
    await this.informers.waitForSync(signal);
    this.options.logger.info('Scheduling', { nodes: this.cache.nodes.length, ...this.queue.counts });
    for (;;) {
      const item = await this.queue.pop(signal);
      if (!item) {
        break;
      }
      await this.scheduleOne(item);
      this.options.metrics.pending(this.queue.counts);
    }
    this.queue.close();
    await Promise.all(this.bindings);
  }

  private follow(): void {
    this.informers.informer<V1Node>(gvr.nodes).addEventHandler({
      add: (node) => {
        this.cache.setNode(node);
        this.queue.onEvent('NodeAdd', node);
      },
      update: (before, node) => {
        this.cache.setNode(node);
        if (nodeChangeMatters(before, node)) {
          this.queue.onEvent('NodeUpdate', node, before);
        }
      },
      delete: (node) => this.cache.removeNode(node.metadata?.name ?? ''),
    });
    this.informers.informer<V1Pod>(gvr.pods).addEventHandler({
      add: (pod) => this.onPod(pod),
      update: (before, pod) => this.onPod(pod, before),
      delete: (pod) => this.onPodGone(pod),
    });
  }

  private onPod(pod: V1Pod, before?: V1Pod): void {
    if (pod.spec?.nodeName) {
      if (isTerminal(pod)) {
        if (this.cache.isPlaced(pod.metadata?.uid ?? '')) {
          this.onPodGone(pod);
        }
        return;
      }
      this.queue.delete(keyOf(pod));
      this.cache.setPod(pod);
      this.queue.onEvent(before?.spec?.nodeName ? 'AssignedPodUpdate' : 'AssignedPodAdd', pod, before);
    } else if (this.isOurs(pod)) {
      this.queue.set(keyOf(pod), pod);
    } else {
      this.queue.delete(keyOf(pod));
    }
  }

  private onPodGone(pod: V1Pod): void {
    this.queue.delete(keyOf(pod));
    this.cache.removePod(pod.metadata?.uid ?? '');
    if (pod.spec?.nodeName) {
      this.queue.onEvent('AssignedPodDelete', pod);
    }
  }

  private isOurs(pod: V1Pod): boolean {
    const name = pod.spec?.schedulerName ?? 'default-scheduler';
    return name === this.options.schedulerName && !pod.metadata?.deletionTimestamp && !isTerminal(pod);
  }

  private async scheduleOne(item: QueuedPod): Promise<void> {
    const { pod } = item;
    const began = performance.now();
    if (!this.isOurs(pod) || this.cache.isPlaced(pod.metadata?.uid ?? '')) {
      this.queue.done(item.key);
      return;
    }
    let node: string;
    try {
      node = this.chooseNode(pod);
    } catch (error) {
      await this.onFailure(item, error, began);
      return;
    }
    this.cache.assume(pod, node);
    this.queue.done(item.key);
    const binding = this.bind(item, node, began).finally(() => this.bindings.delete(binding));
    this.bindings.add(binding);
    if (this.bindings.size >= maxBindings) {
      await Promise.race(this.bindings);
    }
  }

  /** The best node for the pod. Throws a FitError when none would do. */
  private chooseNode(pod: V1Pod): string {
    const state: CycleState = new Map();
    const refusals = new Map<string, Refusal>();
    const answer = this.runner.preFilter(state, pod, this.cache);
    const { nodes } = this.cache;
    if ('reasons' in answer) {
      for (const node of nodes) {
        refusals.set(node.name, answer);
      }
      throw new FitError(nodes.length, refusals);
    }
    const nominated = pod.status?.nominatedNodeName ? this.cache.get(pod.status.nominatedNodeName) : undefined;
    if (nominated && !this.runner.filter(state, pod, nominated)) {
      return nominated.name;
    }
    const feasible: NodeInfo[] = [];
    const enough = feasibleNodesToFind(nodes.length);
    let looked = 0;
    for (; looked < nodes.length && feasible.length < enough; looked++) {
      const node = nodes[(this.nextNode + looked) % nodes.length] as NodeInfo;
      const refusal =
        answer.nodes && !answer.nodes.has(node.name)
          ? { reasons: ["node(s) didn't satisfy plugin(s) [NodeAffinity]"], plugin: 'NodeAffinity', unresolvable: true }
          : this.runner.filter(state, pod, node);
      if (refusal) {
        refusals.set(node.name, refusal);
      } else {
        feasible.push(node);
      }
    }
    this.nextNode = nodes.length === 0 ? 0 : (this.nextNode + looked) % nodes.length;
    const [only] = feasible;
    if (!only) {
      throw new FitError(nodes.length, refusals);
    }
    if (feasible.length === 1) {
      return only.name;
    }
    const scores = this.runner.score(state, pod, feasible, this.cache);
    return highest(feasible, scores).name;
  }

  private async bind(item: QueuedPod, node: string, began: number): Promise<void> {
    const { pod } = item;
    const { namespace = '', name = '', uid } = pod.metadata ?? {};
    try {
      await this.options.client
        .resource(gvr.pods)
        .namespace(namespace)
        .subresource(name, 'binding', 'POST', {
          apiVersion: 'v1',
          kind: 'Binding',
          metadata: { name, namespace, uid },
          target: { kind: 'Node', name: node },
        });
      this.options.metrics.scheduled('scheduled', (performance.now() - began) / 1000, item.attempts);
      this.recorder.event(
        { apiVersion: 'v1', kind: 'Pod', metadata: pod.metadata },
        'Normal',
        'Scheduled',
        `Successfully assigned ${namespace}/${name} to ${node}`,
      );
    } catch (error) {
      this.cache.forget(uid ?? '');
      this.options.metrics.scheduled('error', (performance.now() - began) / 1000, item.attempts);
      // Deleted meanwhile, or somebody else's decision came first: the informer tells what is to be done.
      if (isNotFound(error) || isConflict(error)) {
        this.options.logger.debug('The pod could not be bound', { pod: item.key, node, error });
        return;
      }
      this.options.logger.warn('Binding failed, will retry', { pod: item.key, node, error });
      this.queue.putBack(item, []);
    }
  }

  private async onFailure(item: QueuedPod, error: unknown, began: number): Promise<void> {
    const seconds = (performance.now() - began) / 1000;
    if (!(error instanceof FitError)) {
      this.options.logger.error('Scheduling failed', { pod: item.key, error });
      this.options.metrics.scheduled('error', seconds, item.attempts);
      this.queue.putBack(item, []);
      return;
    }
    this.options.metrics.scheduled('unschedulable', seconds, item.attempts);
    const found = findPreemption(this.runner, this.cache, item.pod, error.refusals, this.budgets.list());
    const preemption = typeof found === 'string' ? found : '';
    const message = new FitError(error.nodeCount, error.refusals, preemption).message;
    this.queue.putBack(item, error.plugins);
    const reference = { apiVersion: 'v1', kind: 'Pod', metadata: item.pod.metadata };
    this.recorder.event(reference, 'Warning', 'FailedScheduling', message);
    try {
      await this.patchStatus(item.pod, message, typeof found === 'string' ? undefined : found.node);
      if (typeof found !== 'string') {
        await this.evict(item.pod, found.node, found.victims);
      }
    } catch (cause) {
      this.options.logger.warn('Could not write that a pod is unschedulable', { pod: item.key, error: cause });
    }
  }

  private async evict(pod: V1Pod, node: string, victims: V1Pod[]): Promise<void> {
    for (const victim of victims) {
      const { namespace = '', name = '', uid } = victim.metadata ?? {};
      this.options.logger.info('Preempting a pod', { victim: keyOf(victim), for: keyOf(pod), node });
      try {
        await this.options.client.resource(gvr.pods).namespace(namespace).delete(name, { preconditions: { uid } });
      } catch (error) {
        if (!isNotFound(error) && !isConflict(error)) {
          throw error;
        }
      }
      const reference = { apiVersion: 'v1', kind: 'Pod', metadata: victim.metadata };
      this.recorder.event(reference, 'Normal', 'Preempted', `Preempted by pod ${pod.metadata?.uid} on node ${node}`);
    }
  }

  private async patchStatus(pod: V1Pod, message: string, nominatedNodeName: string | undefined): Promise<void> {
    const { namespace = '', name = '' } = pod.metadata ?? {};
    const known = pod.status?.conditions?.find((condition) => condition.type === 'PodScheduled');
    const same = known?.status === 'False' && known.message === message && known.reason === 'Unschedulable';
    if (same && nominatedNodeName === undefined) {
      return;
    }
    const now = new Date().toISOString().replace(/\.\d+Z$/, 'Z');
    const lastTransitionTime = known?.status === 'False' ? known.lastTransitionTime : now;
    const condition = {
      type: 'PodScheduled',
      status: 'False',
      reason: 'Unschedulable',
      message,
      lastProbeTime: null,
      lastTransitionTime,
    };
    const body = { status: { conditions: [condition], ...(nominatedNodeName ? { nominatedNodeName } : {}) } };
    await this.options.client
      .resource(gvr.pods)
      .namespace(namespace)
      .patch(name, body, { type: 'strategic', subresource: 'status' })
      .catch((error) => {
        if (!isNotFound(error)) {
          throw error;
        }
      });
  }
}

/** Large clusters are not searched whole (percentageOfNodesToScore): 50 % less 1 for 125 nodes, 5 % and 100 at least. */
export function feasibleNodesToFind(nodes: number): number {
  if (nodes < 100) {
    return nodes;
  }
  const percent = Math.max(5, 50 - Math.floor(nodes / 125));
  return Math.max(100, Math.floor((nodes * percent) / 100));
}

/** One of the nodes with the highest score, by chance among equals. */
function highest(nodes: readonly NodeInfo[], scores: readonly number[]): NodeInfo {
  let chosen = nodes[0] as NodeInfo;
  let best = Number.NEGATIVE_INFINITY;
  let equals = 0;
  for (let i = 0; i < nodes.length; i++) {
    const score = scores[i] ?? 0;
    if (score > best) {
      best = score;
      chosen = nodes[i] as NodeInfo;
      equals = 1;
    } else if (score === best && Math.random() < 1 / ++equals) {
      chosen = nodes[i] as NodeInfo;
    }
  }
  return chosen;
}
