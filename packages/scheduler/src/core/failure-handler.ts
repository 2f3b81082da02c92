import type { V1Pod } from '@kubelab/api';
import { isNotFound } from '@kubelab/apimachinery';
import type { Logger } from '@kubelab/component-base';
import type { Cache } from '../cache/cache.js';
import type { CycleState } from '../framework/cycle-state.js';
import { Diagnosis } from '../framework/diagnosis.js';
import type { Framework } from '../framework/framework.js';
import type { SchedulerInformers } from '../framework/handle.js';
import type { QueuedPod } from '../framework/plugin.js';
import type { PodInfo } from '../framework/pod-info.js';
import type { Status } from '../framework/status.js';
import type { SchedulingQueue } from '../queue/scheduling-queue.js';
import type { BackgroundWork } from './background.js';
import { FitError } from './fit-error.js';
import type { SchedulerMetrics } from './metrics.js';
import type { PodEvents } from './pod-events.js';
import type { PodStatusWriter } from './pod-status.js';

interface FailureParts {
  cache: Cache;
  queue: SchedulingQueue;
  pods: SchedulerInformers['pods'];
  statusWriter: PodStatusWriter;
  events: PodEvents;
  metrics: SchedulerMetrics;
  background: BackgroundWork;
  logger: Logger;
  frameworkOf(pod: V1Pod): Framework | undefined;
}

/** What preemption did for a pod. `nominated`: its node, null to take an earlier one away, undefined to leave it. */
interface Preemption {
  message: string;
  nominated: string | null | undefined;
}

/** What is done with a pod that was not scheduled: preemption if it may help, the queue, an event and a condition. */
export class FailureHandler {
  constructor(private readonly parts: FailureParts) {}

  /**
   * Handles one failed attempt. `state` is that of the scheduling cycle: without it (the binding failed) there is no
   * preemption.
   */
  async handle(queued: QueuedPod, error: unknown, started: number, state?: CycleState): Promise<void> {
    const { metrics, events, statusWriter, background, pods } = this.parts;
    const pod = queued.info;
    const fw = this.parts.frameworkOf(pod.pod);
    const name = fw?.schedulerName ?? '';
    const fit = error instanceof FitError ? error : undefined;
    let message = error instanceof Error ? error.message : String(error);
    let nominated: Preemption['nominated'];
    if (fit) {
      const post = fw && state ? await this.preempt(fw, state, pod, fit) : undefined;
      message = fit.describe(post?.message);
      nominated = post?.nominated;
      queued.rejectedBy = fit.rejectedBy;
      this.parts.logger.debug('Unable to schedule pod; no fit; waiting', { pod: pod.key, why: message });
    } else {
      queued.rejectedBy = new Set();
      // The pod, or its node, went away while it was being bound: nothing is wrong.
      if (!isNotFound(causeOf(error)))
        this.parts.logger.error('Error scheduling pod; retrying', { pod: pod.key, error });
    }
    metrics.attempt(fit ? 'unschedulable' : 'error', name, (performance.now() - started) / 1000);
    this.requeue(queued, nominated);
    const current = pods.lister.getByKey(pod.key);
    if (!current || current.metadata?.uid !== pod.pod.metadata?.uid || current.spec?.nodeName) return;
    events.failed(name, pod.pod, message);
    background.add(statusWriter.unscheduled(current, fit ? 'Unschedulable' : 'SchedulerError', message, nominated));
  }

  private requeue(queued: QueuedPod, nominated: Preemption['nominated']): void {
    const { queue, pods } = this.parts;
    const { key } = queued.info;
    // As it is now: it may have changed, been bound by another or be gone since it was popped.
    const current = pods.lister.getByKey(key);
    if (!current || current.spec?.nodeName || current.metadata?.uid !== queued.info.pod.metadata?.uid) {
      queue.done(key);
      if (current && !current.spec?.nodeName) queue.add(current);
      return;
    }
    queued.info = queued.info.refreshed(current);
    if (nominated !== undefined) queue.nominator.set(queued.info, nominated ?? '');
    queue.addUnschedulable(queued);
  }

  private async preempt(
    fw: Framework,
    state: CycleState,
    pod: PodInfo,
    fit: FitError,
  ): Promise<Preemption | undefined> {
    if (!fw.hasPlugin('postFilter') || fit.nodeCount === 0) return undefined;
    const step = performance.now();
    const result = await fw.postFilter(state, pod, this.parts.cache.updateSnapshot(), fit.diagnosis);
    fw.took('PostFilter', step, result.status);
    if (result.status?.code === 'Error') {
      this.parts.logger.error('Preemption failed', { pod: pod.key, error: result.status.cause });
    }
    const named = result.nominatedNodeName;
    return { message: result.status?.message ?? '', nominated: named === undefined ? undefined : named || null };
  }
}

/** A rejection by a later step is about the one node that was chosen; a failure stays an error. */
export function rejection(status: Status, nodeName: string): Error {
  if (!status.rejected) return new Error(status.message, { cause: status.cause });
  return new FitError(1, new Diagnosis([[nodeName, status]]), new Set([status.plugin]));
}

function causeOf(error: unknown): unknown {
  return error instanceof Error && error.cause !== undefined ? error.cause : error;
}
