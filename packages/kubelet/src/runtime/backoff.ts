interface Entry {
  delayMs: number;
  updatedAt: number;
}

/** Exponential back-off by key, as client-go's flowcontrol.Backoff: doubling, forgotten after twice the maximum. */
export class Backoff {
  private readonly entries = new Map<string, Entry>();

  constructor(
    private readonly initialMs: number,
    private readonly maxMs: number,
    private readonly now: () => number = Date.now,
  ) {}

  /** The delay in force for the key, 0 when there is none. */
  get(key: string): number {
    return this.entries.get(key)?.delayMs ?? 0;
  }

  /** Milliseconds until an event at `since` is out of its back-off; 0 when it is. */
  remaining(key: string, since: number): number {
    const entry = this.entries.get(key);
    if (!entry || this.expired(entry, since)) return 0;
    return Math.max(0, since + entry.delayMs - this.now());
  }

  /** Sets, or doubles, the key's delay. */
  next(key: string, since: number = this.now()): void {
    const entry = this.entries.get(key);
    const delayMs = !entry || this.expired(entry, since) ? this.initialMs : Math.min(this.maxMs, entry.delayMs * 2);
    this.entries.set(key, { delayMs, updatedAt: this.now() });
  }

  reset(prefix: string): void {
    for (const key of this.entries.keys()) {
      if (key.startsWith(prefix)) this.entries.delete(key);
    }
  }

  /** Drops what is too old to matter. */
  collect(): void {
    const now = this.now();
    for (const [key, entry] of this.entries) {
      if (now - entry.updatedAt > this.maxMs * 2) this.entries.delete(key);
    }
  }

  private expired(entry: Entry, since: number): boolean {
    return since - entry.updatedAt > this.maxMs * 2;
  }
}
