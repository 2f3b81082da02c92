/** One lease serves the writes of this long; a value lives up to so much longer than it must. */
const reuseMs = 60_000;

interface Current {
  id: Promise<string>;
  until: number;
}

/** Grants of etcd leases for values that expire, shared by the writes of a minute (as Kubernetes' lease manager does). */
export class LeaseManager {
  private readonly current = new Map<number, Current>();

  /** @param grant makes a lease of so many seconds and resolves to its id */
  constructor(
    private readonly grant: (seconds: number) => Promise<string>,
    private readonly now: () => number = Date.now,
  ) {}

  /** A lease that lasts at least so many seconds from now. */
  leaseFor(ttlSeconds: number): Promise<string> {
    const known = this.current.get(ttlSeconds);
    if (known && known.until > this.now()) return known.id;
    const made: Current = { id: this.grant(ttlSeconds + reuseMs / 1000), until: this.now() + reuseMs };
    this.current.set(ttlSeconds, made);
    // The next write asks again.
    made.id.catch(() => this.current.delete(ttlSeconds));
    return made.id;
  }
}
