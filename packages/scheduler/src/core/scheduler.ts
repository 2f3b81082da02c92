import { setImmediate as nextTurn } from 'node:timers/promises';
import type { V1Node, V1Pod } from '@kubelab/api';
import { type Client, EventRecorder, type Informer, type InformerFactory } from '@kubelab/client';
import type { Logger, Registry } from '@kubelab/component-base';
import { Cache } from '../cache/cache.js';
import { selectPlugins } from '../config/plugin-selection.js';
import type { Profile, SchedulerConfig } from '../config/types.js';
import { CycleState } from '../framework/cycle-state.js';
import { Framework } from '../framework/framework.js';
import type { Extender, Handle, SchedulerInformers } from '../framework/handle.js';
import type { QueuedPod } from '../framework/plugin.js';
import { WaitingPods } from '../framework/waiting-pods.js';
import { createPlugins } from '../plugins/registry.js';
import { SchedulingQueue } from '../queue/scheduling-queue.js';
import { BackgroundWork } from './background.js';
import { BindingCycle } from './binding-cycle.js';
import { addEventHandlers } from './event-handlers.js';
import { HttpExtender } from './extender.js';
import { FailureHandler } from './failure-handler.js';
import { createInformers } from './informers.js';
import { SchedulerMetrics } from './metrics.js';
import { PodEvents } from './pod-events.js';
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

/**
 * Schedules pods one after the other: a scheduling cycle (one synchronous look at the snapshot, see Plugin) picks a
 * node and assumes the pod there; the binding cycle then runs on its own while the next pod is scheduled.
 */
export class Scheduler {
  readonly cache = new Cache();
  readonly queue: SchedulingQueue;
  private readonly frameworks = new Map<string, Framework>();
  private readonly informers: SchedulerInformers & { nodes: Informer<V1Node> };
  private readonly events = new PodEvents();
  private readonly statusWriter: PodStatusWriter;
  private readonly selector: NodeSelector;
  private readonly extenders: Extender[];
  private readonly waitingPods = new WaitingPods();
  private readonly metrics: SchedulerMetrics;
  private readonly background = new BackgroundWork();
  private readonly failures: FailureHandler;
  private readonly bindings: BindingCycle;
  private readonly stopping = new AbortController();

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
    for (const profile of config.profiles) this.addProfile(profile);
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
    const { cache, queue, events, metrics, background, statusWriter, waitingPods, extenders } = this;
    const frameworkOf = (pod: V1Pod): Framework | undefined => this.frameworkOf(pod);
    const { pods } = this.informers;
    const shared = { cache, queue, events, metrics, background };
    this.failures = new FailureHandler({ ...shared, pods, statusWriter, logger, frameworkOf });
    this.bindings = new BindingCycle({ ...shared, waitingPods, extenders, failures: this.failures });
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
      await this.background.ended();
      await this.events.stop();
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
        await this.failures.handle(queued, error, started);
      }
      const room = this.bindings.waitForRoom();
      if (room) await room;
      if (performance.now() - turnStarted > maxTurnMs) {
        await nextTurn();
        turnStarted = performance.now();
      }
    }
  }

  /** One pod's scheduling cycle. Its promise, if there is one, is for extenders and preemption only. */
  private scheduleOne(queued: QueuedPod, started: number): Promise<void> | undefined {
    const pod = queued.info;
    const framework = this.frameworkOf(pod.pod);
    if (!framework || this.cache.isAssumed(pod.key)) {
      this.queue.done(pod.key);
      return undefined;
    }
    if (pod.pod.metadata?.deletionTimestamp) {
      this.queue.done(pod.key);
      this.events.failed(framework.schedulerName, pod.pod, `skip schedule deleting pod: ${pod.key}`);
      return undefined;
    }
    const state = new CycleState();
    try {
      const choice = this.selector.select(framework, state, pod, this.cache.updateSnapshot());
      if (choice instanceof Promise) {
        return choice.then(
          ({ nodeName }) => this.bindings.start({ framework, state, queued, nodeName, started }),
          (error: unknown) => this.failures.handle(queued, error, started, state),
        );
      }
      this.metrics.algorithm((performance.now() - started) / 1000);
      return this.bindings.start({ framework, state, queued, nodeName: choice.nodeName, started });
    } catch (error) {
      return this.failures.handle(queued, error, started, state);
    }
  }

  private frameworkOf(pod: V1Pod): Framework | undefined {
    return this.frameworks.get(pod.spec?.schedulerName || 'default-scheduler');
  }

  private addProfile(profile: Profile): void {
    const { client, logger } = this.options;
    const name = profile.schedulerName;
    const recorder = new EventRecorder(client, { component: name, logger, writers: eventWriters, queueLength: 10_000 });
    this.events.add(name, recorder);
    const selected = selectPlugins(profile, createPlugins(this.handle(name, recorder), profile.args));
    const observe = (point: string, status: string, seconds: number): void =>
      this.metrics.point(point, status, name, seconds);
    this.frameworks.set(
      name,
      new Framework(name, selected, this.waitingPods, profile.percentageOfNodesToScore, observe),
    );
  }

  /** What the plugins of a profile get of this scheduler. */
  private handle(profile: string, recorder: EventRecorder): Handle {
    const { client, logger } = this.options;
    return {
      client,
      logger,
      recorder,
      informers: this.informers,
      waitingPods: this.waitingPods,
      extenders: this.extenders,
      statusWriter: this.statusWriter,
      metrics: this.metrics,
      namespaceLabels: (ns) => this.informers.namespaces.lister.get(undefined, ns)?.metadata?.labels,
      nominatedOn: (node) => this.queue.nominator.on(node),
      clearNomination: (pod) => {
        this.queue.nominator.delete(pod.key);
        this.background.add(this.statusWriter.clearNomination(pod.pod));
      },
      node: (name) => this.informers.nodes.lister.get(undefined, name),
      stopping: this.stopping.signal,
      framework: () => this.frameworks.get(profile) as Framework,
    };
  }
}
