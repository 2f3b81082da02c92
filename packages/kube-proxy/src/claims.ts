/**
 * Things in the kernel that several service ports may want: a cluster IP has many ports, two Services may name the same
 * external IP. The first that wants a thing decides what it is like; it goes when nobody wants it any more.
 */
export class Claims<T> {
  private readonly claims = new Map<string, Map<string, T>>();

  /** `onTouch` is told of each thing whose wanted state may have changed, and by whom. */
  constructor(private readonly onTouch: (key: string, owner: string) => void) {}

  /** Replaces what an owner wants. */
  update(owner: string, before: ReadonlyMap<string, T> | undefined, now: ReadonlyMap<string, T> | undefined): void {
    for (const key of before?.keys() ?? []) {
      if (now?.has(key)) continue;
      const owners = this.claims.get(key);
      owners?.delete(owner);
      if (owners?.size === 0) this.claims.delete(key);
      this.onTouch(key, owner);
    }
    for (const [key, value] of now ?? []) {
      const owners = this.claims.get(key);
      if (owners) owners.set(owner, value);
      else this.claims.set(key, new Map([[owner, value]]));
      this.onTouch(key, owner);
    }
  }

  /** What the thing is to be like, or undefined if nobody wants it. */
  get(key: string): T | undefined {
    return this.claims.get(key)?.values().next().value;
  }

  has(key: string): boolean {
    return this.claims.has(key);
  }

  /** Who decides about the thing. */
  owner(key: string): string | undefined {
    return this.claims.get(key)?.keys().next().value;
  }

  keys(): Iterable<string> {
    return this.claims.keys();
  }

  get size(): number {
    return this.claims.size;
  }
}
