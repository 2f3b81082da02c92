/** Promises that nobody waits for while the scheduler runs, and that must have ended before it stops. */
export class BackgroundWork {
  private readonly running = new Set<Promise<void>>();

  /** Keeps the work until it ends. It must not reject. */
  add(work: Promise<void>): void {
    const kept: Promise<void> = work.finally(() => this.running.delete(kept));
    this.running.add(kept);
  }

  /** Resolves when all that is under way has ended. */
  async ended(): Promise<void> {
    await Promise.all(this.running);
  }
}
