const firstMs = 1_000;
const lastMs = 10_000;

/** The name under which the pod's sandbox is held; no container can have it. */
export const sandboxHold = '';

/**
 * Times before which what could not be started is not tried again, by container name. A failed attempt changes the
 * runtime and so wakes the pod's worker itself: without a time of its own it would be tried again at once, for ever.
 */
export class StartHolds {
  private readonly holds = new Map<string, { until: number; delayMs: number }>();

  constructor(private readonly now: () => number = Date.now) {}

  /** Milliseconds until the next attempt; 0 when it may be made. */
  remaining(name: string): number {
    return Math.max(0, (this.holds.get(name)?.until ?? 0) - this.now());
  }

  /** An attempt has failed: returns the milliseconds to wait, doubled each time up to ten seconds. */
  fail(name: string): number {
    const before = this.holds.get(name)?.delayMs;
    const delayMs = before === undefined ? firstMs : Math.min(lastMs, before * 2);
    this.holds.set(name, { until: this.now() + delayMs, delayMs });
    return delayMs;
  }

  clear(name: string): void {
    this.holds.delete(name);
  }
}
