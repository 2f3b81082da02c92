import type { Cache } from '../cache/cache.js';
import type { CycleState } from '../framework/cycle-state.js';
import type { Framework } from '../framework/framework.js';
import type { Extender } from '../framework/handle.js';
import type { QueuedPod } from '../framework/plugin.js';
import type { PodInfo } from '../framework/pod-info.js';
import { Status } from '../framework/status.js';
import type { WaitingPods } from '../framework/waiting-pods.js';
import type { SchedulingQueue } from '../queue/scheduling-queue.js';
import type { BackgroundWork } from './background.js';
import { type FailureHandler, rejection } from './failure-handler.js';
import type { SchedulerMetrics } from './metrics.js';
import type { PodEvents } from './pod-events.js';

interface BindingParts {
  cache: Cache;
  queue: SchedulingQueue;
  waitingPods: WaitingPods;
  extenders: readonly Extender[];
  events: PodEvents;
  metrics: SchedulerMetrics;
  background: BackgroundWork;
  failures: FailureHandler;
}

/** A pod for which a node was chosen. */
export interface Decision {
  framework: Framework;
  state: CycleState;
  queued: QueuedPod;
  nodeName: string;
  /** When the attempt began, by `performance.now()`. */
  started: number;
}

/** Bindings on their way at once: more would only wait for connections. */
const maxBindings = 256;

/** From the decision to the bound pod: Reserve and Permit at once, then PreBind, Bind and PostBind on their own. */
export class BindingCycle {
  private underWay = 0;
  private onDone: (() => void) | undefined;

  constructor(private readonly parts: BindingParts) {}

  /** Resolves when another binding may start; undefined if it may at once. */
  waitForRoom(): Promise<void> | undefined {
    if (this.underWay < maxBindings) return undefined;
    return new Promise((resolve) => {
      this.onDone = resolve;
    });
  }

  /** Assumes the pod on its node and starts to bind it. The promise, if there is one, is that of a failure. */
  start(d: Decision): Promise<void> | undefined {
    const { cache, queue, background, failures } = this.parts;
    const { framework: fw, state, queued, nodeName } = d;
    const pod = queued.info;
    cache.assume(pod, nodeName);
    queue.nominator.delete(pod.key);
    let step = performance.now();
    let status = fw.reserve(state, pod, nodeName);
    fw.took('Reserve', step, status);
    if (!status) {
      step = performance.now();
      status = fw.permit(state, pod, nodeName);
      fw.took('Permit', step, status);
    }
    if (status) {
      this.undo(d);
      return failures.handle(queued, rejection(status, nodeName), d.started);
    }
    this.underWay++;
    background.add(
      this.bind(d).finally(() => {
        this.underWay--;
        this.onDone?.();
        this.onDone = undefined;
      }),
    );
    return undefined;
  }

  private async bind(d: Decision): Promise<void> {
    const { queue, metrics, events } = this.parts;
    const { framework: fw, queued, nodeName } = d;
    const pod = queued.info;
    let status: Status | undefined;
    try {
      status = await this.steps(d);
    } catch (error) {
      status = Status.error(error);
    }
    if (status) {
      await this.failed(d, status);
      return;
    }
    queue.done(pod.key);
    metrics.attempt('scheduled', fw.schedulerName, (performance.now() - d.started) / 1000);
    metrics.scheduled(queued.attempts, (Date.now() - queued.firstSeen) / 1000);
    fw.postBind(d.state, pod, nodeName);
    events.scheduled(fw.schedulerName, pod.pod, `Successfully assigned ${pod.key} to ${nodeName}`);
  }

  /** Permit's wait, PreBind and Bind. */
  private async steps({ framework: fw, state, queued, nodeName }: Decision): Promise<Status | undefined> {
    const { waitingPods, metrics, extenders } = this.parts;
    const pod: PodInfo = queued.info;
    let step = performance.now();
    if (waitingPods.has(pod)) {
      const refused = await fw.waitOnPermit(pod);
      metrics.permitWait(refused ? 'rejected' : 'allowed', (performance.now() - step) / 1000);
      if (refused) return refused;
      step = performance.now();
    }
    const unprepared = await fw.preBind(state, pod, nodeName);
    fw.took('PreBind', step, unprepared);
    if (unprepared) return unprepared;
    step = performance.now();
    const binder = extenders.find((e) => e.isBinder && e.interested(pod.pod));
    let status: Status | undefined;
    if (binder) await binder.bind(pod.pod, nodeName);
    else status = await fw.bind(state, pod, nodeName);
    fw.took('Bind', step, status);
    return status;
  }

  private async failed(d: Decision, status: Status): Promise<void> {
    this.undo(d);
    // What was taken is free again: others may use it.
    this.parts.queue.moveOn({ resource: 'AssignedPod', action: 'Delete', old: d.queued.info.pod });
    await this.parts.failures.handle(d.queued, rejection(status, d.nodeName), d.started);
  }

  private undo({ framework, state, queued, nodeName }: Decision): void {
    framework.unreserve(state, queued.info, nodeName);
    this.parts.cache.forget(queued.info);
  }
}
