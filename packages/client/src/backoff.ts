/** Exponential back-off with jitter: each step is `factor` times the last up to `capMs`, plus up to `jitter` of it. */
export interface BackoffOptions {
  initialMs: number;
  capMs: number;
  factor: number;
  /** Share of the step added at random; 0 for none. */
  jitter: number;
}

export class Backoff {
  private nextMs: number;

  constructor(
    private readonly options: BackoffOptions,
    private readonly random: () => number = Math.random,
  ) {
    this.nextMs = options.initialMs;
  }

  /** How long to wait now, in milliseconds. */
  step(): number {
    const current = this.nextMs;
    this.nextMs = Math.min(this.options.capMs, current * this.options.factor);
    return current * (1 + this.options.jitter * this.random());
  }

  /** After a success: the next step is the first again. */
  reset(): void {
    this.nextMs = this.options.initialMs;
  }
}
