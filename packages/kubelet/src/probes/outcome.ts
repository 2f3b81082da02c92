import type { V1Probe } from '@kubelab/api';
import type { ProbeResult } from '../runtime/compute-actions.js';

export type ProbeKind = 'liveness' | 'readiness' | 'startup';

/** Counts results of a probe and decides, by its thresholds, when its state changes. */
export class ProbeThresholds {
  private last: ProbeResult | undefined;
  private run = 0;

  constructor(private readonly probe: Pick<V1Probe, 'failureThreshold' | 'successThreshold'>) {}

  /** The state to publish after this result, or undefined while below the threshold. */
  record(result: 'success' | 'failure'): ProbeResult | undefined {
    this.run = result === this.last ? this.run + 1 : 1;
    this.last = result;
    const needed = result === 'failure' ? (this.probe.failureThreshold ?? 3) : (this.probe.successThreshold ?? 1);
    return this.run >= needed ? result : undefined;
  }

  reset(): void {
    this.run = 0;
    this.last = undefined;
  }
}
