/** How long to wait before a process that ended is started again. */
export interface BackOffTiming {
  initialMs: number;
  maxMs: number;
  /** One that ran for so long starts over. */
  resetAfterMs: number;
}

/** The kubelet's for containers: at once, then 10 s, doubled up to 5 min, forgotten after twice that. */
export const kubeletBackOff: BackOffTiming = { initialMs: 10_000, maxMs: 300_000, resetAfterMs: 600_000 };

/** The back-off of one process. */
export class RestartBackOff {
  private nextMs = 0;

  constructor(private readonly timing: BackOffTiming = kubeletBackOff) {}

  /** How long to wait, counted from the end of a run of this length. */
  afterRunOf(ranMs: number): number {
    if (ranMs >= this.timing.resetAfterMs) {
      this.reset();
    }
    const delayMs = this.nextMs;
    this.nextMs = Math.min(this.timing.maxMs, delayMs === 0 ? this.timing.initialMs : delayMs * 2);
    return delayMs;
  }

  reset(): void {
    this.nextMs = 0;
  }
}
