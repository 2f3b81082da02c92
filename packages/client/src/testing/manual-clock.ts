import type { Clock } from '../clock.js';

/** A clock for tests: time goes on only when told. */
export class ManualClock implements Clock {
  private time = 0;
  private timers: { dueMs: number; fn: () => void }[] = [];

  now(): number {
    return this.time;
  }

  after(ms: number, fn: () => void): () => void {
    const timer = { dueMs: this.time + ms, fn };
    this.timers.push(timer);
    return () => {
      this.timers = this.timers.filter((t) => t !== timer);
    };
  }

  /** When the next timer is due; Infinity if there is none. */
  nextDueMs(): number {
    return Math.min(...this.timers.map((t) => t.dueMs));
  }

  /** Fires what is due until then, in order. */
  advanceTo(ms: number): void {
    for (;;) {
      const next = this.timers.filter((t) => t.dueMs <= ms).sort((a, b) => a.dueMs - b.dueMs)[0];
      if (!next) break;
      this.timers = this.timers.filter((t) => t !== next);
      this.time = Math.max(this.time, next.dueMs);
      next.fn();
    }
    this.time = Math.max(this.time, ms);
  }
}
