import type { V1Container, V1Probe } from '@kubelab/api';
import type { Logger } from '@kubelab/component-base';
import type { CriClient } from '@kubelab/cri';
import type { Events } from '../events.js';
import type { Pod } from '../pod/types.js';
import type { ProbeResult } from '../runtime/compute-actions.js';
import { type ProbeKind, ProbeThresholds } from './outcome.js';
import { runProbe } from './run-probe.js';

export interface ProbeWorkerOptions {
  cri: CriClient;
  events: Events;
  logger: Logger;
  pod: Pod;
  container: V1Container;
  kind: ProbeKind;
  probe: V1Probe;
  /** The published state of this probe for a container has changed. */
  onResult(containerId: string, result: ProbeResult): void;
  onRun?(kind: ProbeKind, result: 'successful' | 'failed' | 'unknown'): void;
}

/** What the prober must know of the container it probes; told by the pod's worker. */
export interface ProbeTarget {
  containerId: string;
  startedAt: number;
  podIp: string;
  /** The startup probe has succeeded, or there is none. */
  started: boolean;
}

const maxAttempts = 3;

/** Runs one probe of one container at its period, as long as the container runs. */
export class ProbeWorker {
  private readonly thresholds: ProbeThresholds;
  private target: ProbeTarget | undefined;
  private timer: NodeJS.Timeout | undefined;
  private published: ProbeResult | undefined;
  private stopped = false;
  private busy = false;

  constructor(private readonly options: ProbeWorkerOptions) {
    this.thresholds = new ProbeThresholds(options.probe);
  }

  /** The container runs (or runs anew), or its startup probe has succeeded; undefined when it does not run. */
  setTarget(target: ProbeTarget | undefined): void {
    const before = this.target;
    this.target = target;
    if (target?.containerId !== before?.containerId) {
      this.thresholds.reset();
      this.published = undefined;
      clearTimeout(this.timer);
      this.timer = undefined;
    }
    if (!target || this.timer || this.busy || this.stopped || !this.wanted(target)) return;
    const elapsed = Date.now() - target.startedAt;
    const initial = (this.options.probe.initialDelaySeconds ?? 0) * 1000;
    this.schedule(Math.max(0, initial - elapsed));
  }

  /** Readiness is probed at once again, out of turn, when the container has just passed its startup probe. */
  private wanted(target: ProbeTarget): boolean {
    return this.options.kind === 'startup' ? !target.started : target.started;
  }

  stop(): void {
    this.stopped = true;
    clearTimeout(this.timer);
  }

  private schedule(delayMs: number): void {
    this.timer = setTimeout(() => {
      this.timer = undefined;
      this.run().catch((error) => {
        this.options.logger.warn('Probe could not be run', { container: this.options.container.name, error });
      });
    }, delayMs);
  }

  private async run(): Promise<void> {
    const target = this.target;
    if (!target || this.stopped || !this.wanted(target)) return;
    const periodMs = (this.options.probe.periodSeconds ?? 10) * 1000;
    const next = Date.now() + periodMs;
    this.busy = true;
    try {
      await this.probeOnce(target);
    } finally {
      this.busy = false;
      if (!this.stopped && this.target && this.wanted(this.target)) {
        const delay = this.target.containerId === target.containerId ? Math.max(0, next - Date.now()) : 0;
        this.schedule(delay);
      }
    }
  }

  private async probeOnce(target: ProbeTarget): Promise<void> {
    const { cri, probe, container, kind, logger } = this.options;
    let outcome: Awaited<ReturnType<typeof runProbe>>;
    try {
      outcome = await this.withRetries(() => runProbe(cri, probe, container, target.containerId, target.podIp));
    } catch (error) {
      // Not the probe failed but asking for it: nothing is known, so nothing changes.
      this.options.onRun?.(kind, 'unknown');
      logger.debug('Probe errored', { container: container.name, kind, error });
      return;
    }
    if (this.stopped || this.target?.containerId !== target.containerId) return;
    const failed = outcome.result === 'failure';
    this.options.onRun?.(kind, failed ? 'failed' : 'successful');
    this.report(outcome.result, outcome.output);
    const state = this.thresholds.record(failed ? 'failure' : 'success');
    if (state && state !== this.published) {
      this.published = state;
      this.options.onResult(target.containerId, state);
    } else if (state === 'failure' && kind !== 'readiness') {
      // The container is to be restarted, but still runs: say it again.
      this.options.onResult(target.containerId, state);
    }
  }

  /** A probe that can't be run is tried three times, as by the kubelet. */
  private async withRetries<T>(work: () => Promise<T>): Promise<T> {
    for (let attempt = 1; ; attempt++) {
      try {
        return await work();
      } catch (error) {
        if (attempt >= maxAttempts) throw error;
      }
    }
  }

  private report(result: 'success' | 'failure' | 'warning', output: string): void {
    const { events, pod, container, kind } = this.options;
    const name = `${kind.charAt(0).toUpperCase()}${kind.slice(1)}`;
    if (result === 'failure') {
      events.container(pod, container, 'Warning', 'Unhealthy', `${name} probe failed: ${output}`);
    } else if (result === 'warning') {
      events.container(pod, container, 'Warning', 'ProbeWarning', `${name} probe warning: ${output}`);
    }
  }
}
