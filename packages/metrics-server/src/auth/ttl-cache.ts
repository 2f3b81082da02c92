const maxEntries = 4_096;

/** Answers that hold for a while. The oldest go when there are too many. */
export class TtlCache<T> {
  private readonly entries = new Map<string, { value: T; untilMs: number }>();

  constructor(private readonly ttlMs: number) {}

  async get(key: string, ask: () => Promise<T>): Promise<T> {
    const known = this.entries.get(key);
    if (known && known.untilMs > Date.now()) return known.value;
    const value = await ask();
    this.entries.delete(key);
    this.entries.set(key, { value, untilMs: Date.now() + this.ttlMs });
    const [oldest] = this.entries.keys();
    if (this.entries.size > maxEntries && oldest !== undefined) this.entries.delete(oldest);
    return value;
  }
}
