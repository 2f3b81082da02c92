import type { V1PodStatus } from '@kubelab/api';
import { parseTime } from '@kubelab/apimachinery';
import type { Logger } from '@kubelab/component-base';
import { isStaticPod, type Pod } from '../pod/types.js';
import { computeActions } from '../runtime/compute-actions.js';
import { killPod } from '../runtime/kill-pod.js';
import { runActions } from '../runtime/run-actions.js';
import { StartHolds } from '../runtime/start-holds.js';
import { type PodRuntimeState, runningContainers } from '../runtime/types.js';
import type { StartFailure } from '../status/container-status.js';
import { generateStatus, rejectedStatus, type StatusInput } from '../status/generate.js';
import { VolumeError } from '../volumes/manager.js';
import type { Rejection } from './admission.js';
import type { WorkerContext } from './context.js';
import { hasShorterGrace, isReadinessGate, needsSync } from './pod-change.js';
import { StepLoop } from './step-loop.js';

type Phase = 'syncing' | 'terminating' | 'terminated' | 'removing' | 'done';

/**
 * Brings one pod from its spec to reality, one step at a time, however often and for whatever reason it is woken: each
 * step reads the pod's state anew. Goes through syncing, terminating (containers stop), terminated (volumes and cgroup
 * go, the API object is deleted) and removing (nothing is left in the runtime).
 */
export class PodWorker {
  private phase: Phase = 'syncing';
  /** Containers are being stopped, and what becomes of the pod until then is published. */
  private isStopping = false;
  private readonly loop: StepLoop;
  private stopping = new AbortController();
  private readonly failures = new Map<string, StartFailure>();
  private readonly holds = new StartHolds();
  private override: StatusInput['override'];
  /** The node did not take the pod: its status says so and stays. */
  private rejection: Rejection | undefined;
  private graceOverride: number | undefined;
  private removed = false;
  private cleaned = false;
  private admitted = false;
  private seen = false;
  private closed = false;
  private readonly logger: Logger;
  private reportedStart = false;
  private readonly onStopped: (() => void)[] = [];
  private lastState: PodRuntimeState | undefined;

  constructor(
    private readonly context: WorkerContext,
    private current: Pod,
    /** The pod is known to the runtime only: it is stopped and removed. */
    orphan = false,
  ) {
    this.logger = context.logger.child({ pod: `${current.metadata.namespace}/${current.metadata.name}` });
    this.loop = new StepLoop(
      () => this.turn(),
      (error) => this.logger.warn('Pod sync failed', { error, phase: this.phase }),
    );
    if (orphan) {
      this.removed = true;
      this.phase = 'terminating';
    }
  }

  get pod(): Pod {
    return this.current;
  }

  /** Whether containers of the pod may still run. */
  get active(): boolean {
    return this.phase === 'syncing' || this.phase === 'terminating';
  }

  get isAdmitted(): boolean {
    return this.admitted && this.active;
  }

  get terminating(): boolean {
    return this.phase !== 'syncing';
  }

  /** What the runtime had of the pod at the last look. */
  get state(): PodRuntimeState | undefined {
    return this.lastState;
  }

  /** The pod's object has changed. */
  update(pod: Pod): void {
    const before = this.current;
    this.current = pod;
    if (pod.metadata.deletionTimestamp) {
      if (this.phase === 'syncing') this.startTerminating();
      else if (this.phase === 'terminating' && hasShorterGrace(before, pod)) this.interrupt();
    }
    if (!this.seen || needsSync(before, pod)) this.kick();
  }

  /** The pod is gone from its source. */
  remove(): void {
    this.removed = true;
    if (this.phase === 'syncing') this.startTerminating();
    this.kick();
  }

  /** Ends the pod from the node's side: eviction, node shutdown, preemption by a critical pod. */
  evict(override: NonNullable<StatusInput['override']>, graceSeconds?: number): void {
    if (this.phase !== 'syncing') return;
    this.override = { phase: 'Failed', disruption: true, ...override };
    this.graceOverride = graceSeconds;
    this.startTerminating();
    this.kick();
  }

  /** Resolves when no container of the pod runs any more, or the agent ends. */
  async stopped(): Promise<void> {
    if (!this.active || this.closed) return;
    await new Promise<void>((resolve) => this.onStopped.push(resolve));
  }

  /**
   * A probe has another result. While containers are being stopped it is told at once: whoever sends traffic to a pod
   * that is ending must learn when it takes no more.
   */
  probed(): void {
    if (this.isStopping && this.lastState) this.publish(this.lastState, { terminal: false, terminating: true });
    else this.kick();
  }

  /** Something may have changed: look again. */
  kick(): void {
    this.loop.wake();
  }

  /** Stops working without touching the pod: the agent ends, its pods go on. */
  async close(): Promise<void> {
    this.closed = true;
    const ended = this.loop.end();
    this.stopping.abort();
    for (const resolve of this.onStopped.splice(0)) resolve();
    await ended;
  }

  private startTerminating(): void {
    this.phase = 'terminating';
    this.interrupt();
  }

  /** What a step is doing right now (pulling, waiting for a hook or for the end of a container) is pointless. */
  private interrupt(): void {
    this.stopping.abort();
    this.stopping = new AbortController();
  }

  /** A step, or what it could do until it was interrupted: then another follows at once. */
  private async turn(): Promise<number | undefined> {
    const { signal } = this.stopping;
    try {
      return await this.step(signal);
    } catch (error) {
      if (!signal.aborted) throw error;
      return 0;
    }
  }

  /** One step; resolves with the milliseconds until the next is due (0: at once), undefined for "when something happens". */
  private async step(signal: AbortSignal): Promise<number | undefined> {
    switch (this.phase) {
      case 'syncing':
        return this.sync(signal);
      case 'terminating':
        await this.terminate(signal);
        return 0;
      case 'terminated':
        return this.cleanUp();
      case 'removing':
        await this.context.removeFromRuntime(this.current);
        this.phase = 'done';
        this.context.forget(this.current.metadata.uid);
        this.context.statuses.remove(this.current.metadata.uid);
        this.context.onDone(this.current.metadata.uid);
        // Not awaited: it waits for this very step.
        void this.loop.end();
        return undefined;
      default:
        return undefined;
    }
  }

  private async readState(): Promise<PodRuntimeState> {
    const { name, namespace, uid } = this.current.metadata;
    const state = await this.context.reader.podState(uid, name, namespace);
    this.lastState = state;
    if (!this.seen) {
      this.seen = true;
      this.context.probes.adopt(this.current, state);
    }
    return state;
  }

  private previousStatus(): V1PodStatus {
    const own = this.context.statuses.get(this.current.metadata.uid);
    if (!own) return this.current.status ?? {};
    // Conditions of others (readiness gates) are known from the API object only.
    const types = new Set(own.conditions?.map((condition) => condition.type));
    const foreign = (this.current.status?.conditions ?? []).filter((condition) => !types.has(condition.type));
    const fresh = (own.conditions ?? []).map((condition) => {
      const api = this.current.status?.conditions?.find((other) => other.type === condition.type);
      return isReadinessGate(this.current, condition.type) && api ? api : condition;
    });
    return { ...own, conditions: [...fresh, ...foreign] };
  }

  private publish(state: PodRuntimeState, flags: { terminal: boolean; terminating: boolean }): V1PodStatus {
    const { context } = this;
    const status = generateStatus({
      pod: this.current,
      state,
      previous: this.previousStatus(),
      failures: this.failures,
      probes: context.probes,
      hostIps: context.hostIps(),
      runtimeName: context.runtimeName(),
      override: this.override,
      volumeMounts: context.volumeMountStatus,
      extraConditions: context.extraConditions?.(this.current.metadata.uid),
      ...flags,
    });
    context.statuses.set(this.current, status);
    return status;
  }

  private async sync(signal: AbortSignal): Promise<number | undefined> {
    const { context } = this;
    const pod = this.current;
    const state = await this.readState();
    context.probes.update(pod, state);
    if (isOver(pod.status?.phase) && !isStaticPod(pod)) {
      this.startTerminating();
      return 0;
    }
    if (!this.admitted) {
      const rejection = state.sandboxes.length > 0 ? undefined : await this.admit(pod);
      signal.throwIfAborted();
      if (rejection) return this.reject(rejection);
      this.admitted = true;
    }
    const deadline = this.deadline();
    if (deadline !== undefined && deadline <= 0) {
      this.override = {
        phase: 'Failed',
        reason: 'DeadlineExceeded',
        message: 'Pod was active on the node longer than the specified deadline',
      };
      context.events.pod(pod, 'Normal', 'DeadlineExceeded', this.override.message);
      this.startTerminating();
      return 0;
    }
    const status = this.publish(state, { terminal: false, terminating: false });
    if (isOver(status.phase)) {
      this.startTerminating();
      return 0;
    }
    const waits = [deadline];
    const problem = pod.spec.hostNetwork ? undefined : context.networkProblem();
    if (problem) {
      context.events.pod(pod, 'Warning', 'NetworkNotReady', `network is not ready: ${problem}`);
      throw new Error(`network is not ready: ${problem}`);
    }
    await context.ensureCgroup(pod);
    const volumes = await this.setUpVolumes(state);
    signal.throwIfAborted();
    const actions = computeActions({
      pod,
      state,
      liveness: (id) => context.probes.liveness(id),
      startup: (id) => context.probes.startup(id),
    });
    let changed = false;
    if (actions.killPod && state.sandboxes.length > 0) {
      if (actions.createSandbox) {
        context.events.pod(pod, 'Normal', 'SandboxChanged', 'Pod sandbox changed, it will be killed and re-created.');
      }
      await killPod(context, pod, state, { signal });
      changed = true;
    }
    if (!actions.killPod || actions.createSandbox) {
      const { crashBackoff: backoff } = context;
      const request = { pod, state, actions, volumes, backoff, failures: this.failures, holds: this.holds, signal };
      const outcome = await runActions(context.runner, request);
      changed ||= outcome.changed;
      waits.push(outcome.retryAfterMs);
      if (outcome.failed.length > 0) {
        this.logger.info('Containers could not be started', { failed: outcome.failed });
      }
    }
    if (!actions.killPod && context.resize) changed = (await context.resize(pod, state)) || changed;
    if (changed) {
      // Ended within this very step: go on at once. Whatever else needs another look is announced by events.
      if (await this.refresh(pod)) return 0;
    } else if (this.failures.size > 0) this.publish(state, { terminal: false, terminating: false });
    const tokens = context.nextTokenRefresh(pod.metadata.uid);
    if (tokens !== undefined) waits.push(Math.max(1_000, tokens - Date.now()));
    return earliest(waits);
  }

  /** Looks at the runtime and publishes what has become of the pod. Resolves with whether it is over. */
  private async refresh(pod: Pod): Promise<boolean> {
    const state = await this.readState();
    this.context.probes.update(pod, state);
    const status = this.publish(state, { terminal: false, terminating: false });
    if (!this.reportedStart && status.phase === 'Running') {
      this.reportedStart = true;
      const created = parseTime(pod.metadata.creationTimestamp);
      if (created !== undefined) this.context.onStarted?.(pod, Date.now() - created);
    }
    return isOver(status.phase);
  }

  private async setUpVolumes(state: PodRuntimeState) {
    const { context } = this;
    const ips = this.current.spec.hostNetwork ? context.hostIps() : (state.sandboxes[0]?.ips ?? []);
    try {
      const fields = { podIps: ips, hostIps: context.hostIps(), nodeName: context.runner.nodeName };
      return await context.volumes.setUp(this.current, fields);
    } catch (error) {
      if (error instanceof VolumeError) context.events.pod(this.current, 'Warning', 'FailedMount', error.message);
      throw error;
    }
  }

  private async admit(pod: Pod): Promise<Rejection | undefined> {
    let rejection = this.context.admit(pod);
    if (rejection && (await this.context.preempt(pod, rejection))) rejection = this.context.admit(pod);
    // In the same turn as the decision: the next pod that asks must count this one.
    this.admitted = !rejection;
    return rejection;
  }

  private reject(rejection: Rejection): number {
    this.context.events.pod(this.current, 'Warning', rejection.reason, rejection.message);
    this.rejection = rejection;
    this.context.statuses.set(this.current, rejectedStatus(this.previousStatus(), rejection));
    this.startTerminating();
    return 0;
  }

  /** Milliseconds left of activeDeadlineSeconds. */
  private deadline(): number | undefined {
    const seconds = this.current.spec.activeDeadlineSeconds;
    const started = parseTime(this.previousStatus().startTime);
    if (seconds === undefined || started === undefined) return undefined;
    return started + seconds * 1000 - Date.now();
  }

  private async terminate(signal: AbortSignal): Promise<void> {
    const { context } = this;
    const { uid } = this.current.metadata;
    context.probes.stopLivenessAndStartup(uid);
    let state = await this.readState();
    const wasOver = this.rejection !== undefined || isOver(this.current.status?.phase);
    if (!this.removed && !wasOver) this.publish(state, { terminal: false, terminating: true });
    const graceOverride = this.graceOverride ?? (this.removed ? this.orphanGrace(state) : undefined);
    this.isStopping = !this.removed && !wasOver;
    try {
      await killPod(context, this.current, state, { graceOverride, signal });
    } finally {
      this.isStopping = false;
    }
    context.probes.remove(uid);
    state = await this.readState();
    if (runningContainers(state).length > 0) throw new Error('containers are still running after they were stopped');
    if (!wasOver) this.publish(state, { terminal: true, terminating: true });
    this.phase = 'terminated';
    for (const resolve of this.onStopped.splice(0)) resolve();
  }

  /** Grace of a pod whose object is gone: what its containers were started with. */
  private orphanGrace(state: PodRuntimeState): number | undefined {
    if (this.current.metadata.deletionGracePeriodSeconds !== undefined) {
      return Math.max(1, this.current.metadata.deletionGracePeriodSeconds);
    }
    if (this.current.spec.terminationGracePeriodSeconds !== undefined) return undefined;
    const text = state.containers[0]?.annotations['io.kubernetes.pod.terminationGracePeriod'];
    return text === undefined ? undefined : Number(text);
  }

  private async cleanUp(): Promise<number | undefined> {
    const { context } = this;
    const { uid } = this.current.metadata;
    if (!this.cleaned) {
      await context.volumes.tearDown(uid);
      await context.removeCgroup(this.current);
      context.forget(uid);
      this.cleaned = true;
    }
    if (this.removed) {
      this.phase = 'removing';
      return 0;
    }
    if (this.current.metadata.deletionTimestamp) context.statuses.finish(this.current);
    return undefined;
  }
}

const isOver = (phase: string | undefined) => phase === 'Succeeded' || phase === 'Failed';

function earliest(waits: (number | undefined)[]): number | undefined {
  const known = waits.filter((wait): wait is number => wait !== undefined);
  return known.length > 0 ? Math.min(...known) : undefined;
}
