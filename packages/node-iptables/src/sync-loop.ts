/** Options of a SyncLoop. All times in milliseconds. */
export interface SyncLoopOptions {
  /** Time from the start of one run to the start of the next, at least. */
  minIntervalMs: number;
  /** First pause after a failed run; doubles up to 30 s. */
  retryMs: number;
  run(): Promise<void>;
  onError(error: unknown): void;
  signal: AbortSignal;
}

/**
 * Runs a task when triggered: at once if the last run was long enough ago, else as soon as it may. Triggers during a
 * run lead to one more run. A failed run is repeated with back-off, or by the next trigger.
 */
export class SyncLoop {
  private pending = false;
  private waiting: (() => void)[] = [];
  private wake: (() => void) | undefined;

  constructor(private readonly o: SyncLoopOptions) {}

  trigger(): void {
    this.pending = true;
    this.wake?.();
  }

  /** Resolves when a run that began after this call has succeeded (or the loop was ended by its signal). */
  settled(): Promise<void> {
    const done = new Promise<void>((resolve) => this.waiting.push(resolve));
    this.trigger();
    return done;
  }

  /** Runs until the signal. Never rejects. */
  async start(): Promise<void> {
    let retry = this.o.retryMs;
    let lastStart = Number.NEGATIVE_INFINITY;
    while (!this.o.signal.aborted) {
      if (!this.pending) await this.sleep(undefined);
      const early = lastStart + this.o.minIntervalMs - performance.now();
      if (early > 0) await this.sleep(early, true);
      if (this.o.signal.aborted) break;
      this.pending = false;
      const waiting = this.waiting;
      this.waiting = [];
      lastStart = performance.now();
      try {
        await this.o.run();
        retry = this.o.retryMs;
        for (const done of waiting) done();
      } catch (error) {
        this.o.onError(error);
        this.waiting.push(...waiting);
        await this.sleep(retry);
        retry = Math.min(retry * 2, 30_000);
        this.pending = true;
      }
    }
    for (const done of this.waiting) done();
  }

  /** Until the time is over, the signal, or (unless `deaf`) a trigger. */
  private sleep(ms: number | undefined, deaf = false): Promise<void> {
    return new Promise((resolve) => {
      const end = () => {
        clearTimeout(timer);
        this.wake = undefined;
        this.o.signal.removeEventListener('abort', end);
        resolve();
      };
      const timer = ms === undefined ? undefined : setTimeout(end, ms);
      if (!deaf) this.wake = end;
      if (this.o.signal.aborted) end();
      else this.o.signal.addEventListener('abort', end);
    });
  }
}
