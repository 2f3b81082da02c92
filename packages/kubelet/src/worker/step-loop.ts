/** A step is repeated so long after the last one at the latest, in case an event was missed. */
const resyncMs = 300_000;
const firstRetryMs = 1_000;
const lastRetryMs = 10_000;

/**
 * Runs a step whenever it is woken, one at a time: woken meanwhile, once more; after the time that the step asks for;
 * and, when it fails, after a delay that grows.
 */
export class StepLoop {
  private isWoken = false;
  private isEnded = false;
  private running: Promise<void> | undefined;
  private timer: NodeJS.Timeout | undefined;
  private retryMs = firstRetryMs;

  /**
   * @param step resolves with the milliseconds until it is to be run again (0: at once), undefined for "when woken"
   * @param onFailure told of each failure
   */
  constructor(
    private readonly step: () => Promise<number | undefined>,
    private readonly onFailure: (error: unknown) => void,
  ) {}

  /** Runs the step now, or once more when the one under way is done. */
  wake(): void {
    if (this.isEnded) return;
    this.isWoken = true;
    if (this.running) return;
    this.schedule(undefined);
    this.running = this.run().finally(() => {
      this.running = undefined;
      // Woken after the loop had looked for the last time.
      if (this.isWoken) this.wake();
    });
  }

  /** No step is begun any more; resolves when the one under way is done. Not to be awaited by the step itself. */
  async end(): Promise<void> {
    this.isEnded = true;
    this.schedule(undefined);
    await this.running;
  }

  private async run(): Promise<void> {
    while (this.isWoken && !this.isEnded) {
      this.isWoken = false;
      try {
        const again = await this.step();
        this.retryMs = firstRetryMs;
        this.schedule(Math.min(again ?? resyncMs, resyncMs));
      } catch (error) {
        this.onFailure(error);
        this.schedule(this.retryMs);
        this.retryMs = Math.min(lastRetryMs, this.retryMs * 2);
      }
    }
  }

  private schedule(ms: number | undefined): void {
    clearTimeout(this.timer);
    this.timer = ms === undefined || this.isEnded ? undefined : setTimeout(() => this.wake(), Math.max(0, ms));
  }
}
