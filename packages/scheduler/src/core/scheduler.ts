import { setImmediate as nextTurn } from 'node:timers/promises';
import type { V1Node, V1Pod } from '@kubelab/api';
import { isNotFound } from '@kubelab/apimachinery';
import { type Client, EventRecorder, type Informer, type InformerFactory } from '@kubelab/client';
import type { Logger, Registry } from '@kubelab/component-base';
import { Cache } from '../cache/cache.js';
import { selectPlugins } from '../config/plugin-selection.js';
import type { SchedulerConfig } from '../config/types.js';
import { CycleState } from '../framework/cycle-state.js';
import { Diagnosis } from '../framework/diagnosis.js';
import { Framework } from '../framework/framework.js';
import type { Extender, Handle, SchedulerInformers } from '../framework/handle.js';
import type { QueuedPod } from '../framework/plugin.js';
import type { PodInfo } from '../framework/pod-info.js';
import { Status } from '../framework/status.js';
import { WaitingPods } from '../framework/waiting-pods.js';
import { createPlugins } from '../plugins/registry.js';
import { SchedulingQueue } from '../queue/scheduling-queue.js';
import { addEventHandlers } from './event-handlers.js';
import { HttpExtender } from './extender.js';
import { FitError } from './fit-error.js';
import { createInformers } from './informers.js';
import { SchedulerMetrics } from './metrics.js';
import { PodStatusWriter } from './pod-status.js';
import { NodeSelector } from './select-nodes.js';

export interface SchedulerOptions {
  client: Client;
  informers: InformerFactory;
  config: SchedulerConfig;
  logger: Logger;
  metrics: Registry;
}

/** After this long without a break the loop lets sockets and timers have a turn. */
const maxTurnMs = 5;
/** Events are written a few at a time: while many pods wait, connections and the API server are for bindings. */
const eventWriters = 2;
/** Bindings on their way at once: more would only wait for connections. */
const maxBindings = 256;

/**
 * Schedules pods one after the other: a scheduling cycle (one synchronous look at the snapshot, see Plugin) picks a
 * node and assumes the pod there; the binding cycle then runs on its own while the next pod is scheduled.
 */
export class Scheduler {
  readonly cache = new Cache();
  readonly queue: SchedulingQueue;
  private readonly frameworks = new Map<string, Framework>();
  private readonly informers: SchedulerInformers & { nodes: Informer<V1Node> };
  private readonly recorders = new Map<string, EventRecorder>();
  private readonly statusWriter: PodStatusWriter;
  private readonly selector: NodeSelector;
  private readonly extenders: Extender[];
  private readonly waitingPods = new WaitingPods();
  private readonly metrics: SchedulerMetrics;
  private readonly background = new Set<Promise<void>>();
  private readonly stopping = new AbortController();
  private bindings = 0;
  private bindingDone: (() => void) | undefined;

  constructor(private readonly options: SchedulerOptions) {
    const { config, client, logger } = options;
    this.informers = createInformers(options.informers);
    this.statusWriter = new PodStatusWriter(client, logger);
    this.extenders = config.extenders.map((e) => new HttpExtender(e));
    this.metrics = new SchedulerMetrics(
      options.metrics,
      () => this.queue,
      () => ({ nodes: this.cache.nodeCount, pods: this.cache.podCount, assumed_pods: this.cache.assumedCount }),
    );
    for (const profile of config.profiles) {
      const name = profile.schedulerName;
      const recorder = new EventRecorder(client, {
        component: name,
        logger,
        writers: eventWriters,
        queueLength: 10_000,
      });
      this.recorders.set(name, recorder);
      const plugins = createPlugins(this.handle(name, recorder), profile.args);
      const selected = selectPlugins(profile, plugins);
      const observe = (point: string, status: string, seconds: number): void =>
        this.metrics.point(point, status, name, seconds);
      this.frameworks.set(
        name,
        new Framework(name, selected, this.waitingPods, profile.percentageOfNodesToScore, observe),
      );
    }
    const first = [...this.frameworks.values()][0] as Framework;
    const sort = first.queueSort();
    this.queue = new SchedulingQueue({
      less: (a, b) => sort.less?.(a, b) ?? false,
      gatedBy: (pod) => this.frameworkOf(pod)?.gatedBy(pod),
      registrations: (pod) => this.frameworkOf(pod)?.eventRegistrations() ?? new Map(),
      initialBackoffMs: config.podInitialBackoffMs,
      maxBackoffMs: config.podMaxBackoffMs,
      observe: (queue, event) => this.metrics.queued(queue, event),
    });
    this.selector = new NodeSelector(this.queue.nominator, this.extenders, config.percentageOfNodesToScore);
    const isOurs = (pod: V1Pod): boolean => this.frameworkOf(pod) !== undefined;
    addEventHandlers(this.informers, this.cache, this.queue, isOurs, (uid) =>
      this.waitingPods.reject(uid, '', 'the pod was deleted'),
    );
  }

  /** Schedules until the signal aborts; resolves when bindings under way have ended. */
  async run(signal: AbortSignal): Promise<void> {
    const { informers } = this.options;
    const stop = (): void => {
      this.queue.close();
      this.stopping.abort();
      this.waitingPods.rejectAll('the scheduler is stopping');
    };
    signal.addEventListener('abort', stop, { once: true });
    informers.start(signal);
    try {
      await informers.waitForSync(signal);
      await this.loop(signal);
    } catch (error) {
      if (!signal.aborted) throw error;
    } finally {
      stop();
      await Promise.all(this.background);
      await Promise.all([...this.recorders.values()].map((r) => r.stop()));
    }
  }

  private async loop(signal: AbortSignal): Promise<void> {
    let turnStarted = performance.now();
    while (!signal.aborted) {
      const queued = this.queue.pop();
      if (!queued) {
        await this.queue.waitForPods();
        turnStarted = performance.now();
        continue;
      }
      const started = performance.now();
      try {
        const pending = this.scheduleOne(queued, started);
        if (pending) await pending;
      } catch (error) {
        await this.failed(queued, error, started);
      }
      if (this.bindings >= maxBindings) {
        await new Promise<void>((resolve) => {
          this.bindingDone = resolve;
        });
      }
      if (performance.now() - turnStarted > maxTurnMs) {
        await nextTurn();
        turnStarted = performance.now();
      }
    }
  }

  /** One pod's scheduling cycle. Its promise, if there is one, is for extenders and preemption only. */
  private scheduleOne(queued: QueuedPod, started: number): Promise<void> | undefined {
    const pod = queued.info;
    const fw = this.frameworkOf(pod.pod);
    if (!fw || this.cache.isAssumed(pod.key)) {
      this.queue.done(pod.key);
      return undefined;
    }
    if (pod.pod.metadata?.deletionTimestamp) {
      this.queue.done(pod.key);
      const message = `skip schedule deleting pod: ${pod.key}`;
      this.recorders.get(fw.schedulerName)?.event(podRef(pod.pod), 'Warning', 'FailedScheduling', message);
      return undefined;
    }
    const state = new CycleState();
    try {
      const choice = this.selector.select(fw, state, pod, this.cache.updateSnapshot());
      if (choice instanceof Promise) {
        return choice.then(
          (c) => this.commit(fw, state, queued, c.nodeName, started),
          (error: unknown) => this.failed(queued, error, started, fw, state),
        );
      }
      this.metrics.algorithm((performance.now() - started) / 1000);
      return this.commit(fw, state, queued, choice.nodeName, started);
    } catch (error) {
      return this.failed(queued, error, started, fw, state);
    }
  }

  /** Reserve, Permit, and the start of the binding cycle. */
  private commit(
    fw: Framework,
    state: CycleState,
    queued: QueuedPod,
    nodeName: string,
    started: number,
  ): Promise<void> | undefined {
    const pod = queued.info;
    this.cache.assume(pod, nodeName);
    this.queue.nominator.delete(pod.key);
    let step = performance.now();
    let status = fw.reserve(state, pod, nodeName);
    fw.took('Reserve', step, status);
    if (!status) {
      step = performance.now();
      status = fw.permit(state, pod, nodeName);
      fw.took('Permit', step, status);
    }
    if (status) {
      this.undo(fw, state, pod, nodeName);
      return this.failed(queued, rejection(status, nodeName), started);
    }
    this.bindings++;
    const binding = this.bind(fw, state, queued, nodeName, started).finally(() => {
      this.bindings--;
      this.background.delete(binding);
      this.bindingDone?.();
      this.bindingDone = undefined;
    });
    this.background.add(binding);
    return undefined;
  }

  private async bind(
    fw: Framework,
    state: CycleState,
    queued: QueuedPod,
    nodeName: string,
    started: number,
  ): Promise<void> {
    const pod = queued.info;
    const fail = async (status: Status): Promise<void> => {
      this.undo(fw, state, pod, nodeName);
      // What was taken is free again: others may use it.
      this.queue.moveOn({ resource: 'AssignedPod', action: 'Delete', old: pod.pod });
      await this.failed(queued, rejection(status, nodeName), started);
    };
    try {
      const status = await this.bindingSteps(fw, state, pod, nodeName);
      if (status) {
        await fail(status);
        return;
      }
    } catch (error) {
      await fail(Status.error(error));
      return;
    }
    this.queue.done(pod.key);
    const seconds = (performance.now() - started) / 1000;
    this.metrics.attempt('scheduled', fw.schedulerName, seconds);
    this.metrics.scheduled(queued.attempts, (Date.now() - queued.firstSeen) / 1000);
    fw.postBind(state, pod, nodeName);
    const message = `Successfully assigned ${pod.key} to ${nodeName}`;
    this.recorders.get(fw.schedulerName)?.event(podRef(pod.pod), 'Normal', 'Scheduled', message);
  }

  /** Permit's wait, PreBind and Bind. */
  private async bindingSteps(
    fw: Framework,
    state: CycleState,
    pod: PodInfo,
    nodeName: string,
  ): Promise<Status | undefined> {
    let step = performance.now();
    if (this.waitingPods.has(pod)) {
      const refused = await fw.waitOnPermit(pod);
      this.metrics.permitWait(refused ? 'rejected' : 'allowed', (performance.now() - step) / 1000);
      if (refused) return refused;
      step = performance.now();
    }
    const unprepared = await fw.preBind(state, pod, nodeName);
    fw.took('PreBind', step, unprepared);
    if (unprepared) return unprepared;
    step = performance.now();
    const status = await this.bindOnce(fw, state, pod, nodeName);
    fw.took('Bind', step, status);
    return status;
  }

  private async bindOnce(
    fw: Framework,
    state: CycleState,
    pod: PodInfo,
    nodeName: string,
  ): Promise<Status | undefined> {
    const extender = this.extenders.find((e) => e.isBinder && e.interested(pod.pod));
    if (!extender) return fw.bind(state, pod, nodeName);
    await extender.bind(pod.pod, nodeName);
    return undefined;
  }

  private undo(fw: Framework, state: CycleState, pod: PodInfo, nodeName: string): void {
    fw.unreserve(state, pod, nodeName);
    this.cache.forget(pod);
  }

  /** The pod was not scheduled: preemption if it may help, then back to the queue with an event and a condition. */
  private async failed(
    queued: QueuedPod,
    error: unknown,
    started: number,
    fw = this.frameworkOf(queued.info.pod),
    state?: CycleState,
  ): Promise<void> {
    const pod = queued.info;
    const name = fw?.schedulerName ?? '';
    const fit = error instanceof FitError ? error : undefined;
    let message = error instanceof Error ? error.message : String(error);
    let nominated: string | null | undefined;
    if (fit) {
      const post = fw && state ? await this.preempt(fw, state, pod, fit) : undefined;
      message = fit.describe(post?.message);
      nominated = post?.nominated;
      queued.rejectedBy = fit.rejectedBy;
      this.options.logger.debug('Unable to schedule pod; no fit; waiting', { pod: pod.key, why: message });
    } else {
      queued.rejectedBy = new Set();
      // The pod, or its node, went away while it was being bound: nothing is wrong.
      if (!isNotFound(errorCause(error)))
        this.options.logger.error('Error scheduling pod; retrying', { pod: pod.key, error });
    }
    this.metrics.attempt(fit ? 'unschedulable' : 'error', name, (performance.now() - started) / 1000);
    this.requeue(queued, nominated);
    const current = this.informers.pods.lister.getByKey(pod.key);
    if (!current || current.metadata?.uid !== pod.pod.metadata?.uid || current.spec?.nodeName) return;
    this.recorders.get(name)?.event(podRef(pod.pod), 'Warning', 'FailedScheduling', message);
    const write = this.statusWriter
      .unscheduled(current, fit ? 'Unschedulable' : 'SchedulerError', message, nominated)
      .finally(() => this.background.delete(write));
    this.background.add(write);
  }

  private requeue(queued: QueuedPod, nominated: string | null | undefined): void {
    const { key } = queued.info;
    // As it is now: it may have changed, been bound by another or be gone since it was popped.
    const current = this.informers.pods.lister.getByKey(key);
    if (!current || current.spec?.nodeName || current.metadata?.uid !== queued.info.pod.metadata?.uid) {
      this.queue.done(key);
      if (current && !current.spec?.nodeName) this.queue.add(current);
      return;
    }
    queued.info = queued.info.refreshed(current);
    if (nominated !== undefined) this.queue.nominator.set(queued.info, nominated ?? '');
    this.queue.addUnschedulable(queued);
  }

  private async preempt(
    fw: Framework,
    state: CycleState,
    pod: PodInfo,
    fit: FitError,
  ): Promise<{ message: string; nominated: string | null | undefined } | undefined> {
    if (!fw.hasPlugin('postFilter') || fit.nodeCount === 0) return undefined;
    const step = performance.now();
    const result = await fw.postFilter(state, pod, this.cache.updateSnapshot(), fit.diagnosis);
    fw.took('PostFilter', step, result.status);
    if (result.status?.code === 'Error') {
      this.options.logger.error('Preemption failed', { pod: pod.key, error: result.status.cause });
    }
    const named = result.nominatedNodeName;
    return { message: result.status?.message ?? '', nominated: named === undefined ? undefined : named || null };
  }

  private frameworkOf(pod: V1Pod): Framework | undefined {
    return this.frameworks.get(pod.spec?.schedulerName || 'default-scheduler');
  }

  private handle(profile: string, recorder: EventRecorder): Handle {
    const { client, logger } = this.options;
    return {
      client,
      logger,
      recorder,
      informers: this.informers,
      waitingPods: this.waitingPods,
      extenders: this.config.extenders.length === 0 ? [] : this.extenders,
      statusWriter: this.statusWriter,
      metrics: this.metrics,
      namespaceLabels: (ns) => this.informers.namespaces.lister.get(undefined, ns)?.metadata?.labels,
      nominatedOn: (node) => this.queue.nominator.on(node),
      clearNomination: (pod) => {
        this.queue.nominator.delete(pod.key);
        const write = this.statusWriter.clearNomination(pod.pod).finally(() => this.background.delete(write));
        this.background.add(write);
      },
      node: (name) => this.informers.nodes.lister.get(undefined, name),
      stopping: this.stopping.signal,
      framework: () => this.frameworks.get(profile) as Framework,
    };
  }

  private get config(): SchedulerConfig {
    return this.options.config;
  }
}

/** Events name the pod's kind even where a list left it out. */
function podRef(pod: V1Pod): V1Pod {
  return pod.kind ? pod : { ...pod, apiVersion: 'v1', kind: 'Pod' };
}

/** A rejection by a later step is about the one node that was chosen; a failure stays an error. */
function rejection(status: Status, nodeName: string): Error {
  if (!status.rejected) return new Error(status.message, { cause: status.cause });
  return new FitError(1, new Diagnosis([[nodeName, status]]), new Set([status.plugin]));
}

function errorCause(error: unknown): unknown {
  return error instanceof Error && error.cause !== undefined ? error.cause : error;
}
