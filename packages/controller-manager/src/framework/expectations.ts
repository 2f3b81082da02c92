/** Expectations that nothing fulfilled for this long no longer hold a controller back (a missed watch event). */
const expirationMs = 5 * 60_000;

interface Expectation {
  creations: number;
  deletions: Set<string>;
  setAtMs: number;
}

/**
 * What a controller has asked for and not yet seen in its cache. While it waits, it must not act on the stale cache, or
 * it would create or delete twice. Pure bookkeeping between a write and its echo: a restart starts from a fresh cache.
 */
export class Expectations {
  private readonly byKey = new Map<string, Expectation>();

  constructor(private readonly now: () => number = Date.now) {}

  expectCreations(key: string, creations: number): void {
    this.byKey.set(key, { creations, deletions: new Set(), setAtMs: this.now() });
  }

  /** `objects` are the keys or UIDs of the objects about to be deleted. */
  expectDeletions(key: string, objects: string[]): void {
    this.byKey.set(key, { creations: 0, deletions: new Set(objects), setAtMs: this.now() });
  }

  /** Both at once, for controllers that create and delete in one pass. */
  expect(key: string, creations: number, deletions: string[]): void {
    this.byKey.set(key, { creations, deletions: new Set(deletions), setAtMs: this.now() });
  }

  /** A creation was seen, or will never be seen because the call failed. */
  creationObserved(key: string, count = 1): void {
    const expectation = this.byKey.get(key);
    if (expectation) expectation.creations -= count;
  }

  deletionObserved(key: string, object: string): void {
    this.byKey.get(key)?.deletions.delete(object);
  }

  satisfied(key: string): boolean {
    const expectation = this.byKey.get(key);
    if (!expectation) return true;
    if (expectation.creations <= 0 && expectation.deletions.size === 0) return true;
    return this.now() - expectation.setAtMs > expirationMs;
  }

  /** Time until a waiting expectation expires; what a reconciler that was held back should look again after. */
  expiresInMs(key: string): number {
    const expectation = this.byKey.get(key);
    return expectation ? Math.max(1000, expectation.setAtMs + expirationMs + 1000 - this.now()) : 1000;
  }

  delete(key: string): void {
    this.byKey.delete(key);
  }
}
