import { isNotFound, nowMicro } from '@kubelab/apimachinery';
import type { Logger } from '@kubelab/component-base';
import { type Clock, delay, systemClock } from './clock.js';
import { gvr } from './gvr.js';
import type { Client } from './rest/client.js';
import type { ApiObject, ApiObjectMeta, ResourceClient } from './types.js';

/** coordination.k8s.io/v1 Lease, the fields used here. */
interface Lease extends ApiObject {
  metadata?: ApiObjectMeta;
  spec?: {
    holderIdentity?: string;
    leaseDurationSeconds?: number;
    acquireTime?: string;
    renewTime?: string;
    leaseTransitions?: number;
  };
}

export interface LeaderElectorOptions {
  client: Client;
  leaseName: string;
  /** Default `kube-system`. */
  leaseNamespace?: string;
  /** Unique a process: `host_uuid`. */
  identity: string;
  /** How long others wait after the last renewal seen before they take over; default 15 000. */
  leaseDurationMs?: number;
  /** How long the leader tries to renew before it gives up; default 10 000. Less than leaseDurationMs. */
  renewDeadlineMs?: number;
  /** Between two tries; default 2 000. */
  retryPeriodMs?: number;
  /** Called when this process leads; the signal aborts when it no longer does. */
  onStartedLeading(signal: AbortSignal): void | Promise<void>;
  /**
   * Called when leading ended, with the signal of onStartedLeading aborted before: at once when the lease was lost,
   * after the work has ended and the lease is released when the signal of run() aborted.
   */
  onStoppedLeading?(): void;
  /** Called when another (or this) process was seen to lead. */
  onNewLeader?(identity: string): void;
  logger: Logger;
  clock?: Clock;
}

const jitterFactor = 1.2;

/**
 * client-go's leader election over a Lease. Time on the Lease is never compared with this machine's clock: a leader
 * counts as gone when its record has not changed for the lease's duration as seen from here.
 */
export class LeaderElector {
  private readonly leases: ResourceClient<Lease>;
  private readonly clock: Clock;
  private readonly leaseDurationMs: number;
  private readonly renewDeadlineMs: number;
  private readonly retryPeriodMs: number;
  private observed: Lease | undefined;
  private observedAt = 0;
  private reportedLeader = '';

  constructor(private readonly options: LeaderElectorOptions) {
    this.clock = options.clock ?? systemClock;
    this.leaseDurationMs = options.leaseDurationMs ?? 15_000;
    this.renewDeadlineMs = options.renewDeadlineMs ?? 10_000;
    this.retryPeriodMs = options.retryPeriodMs ?? 2_000;
    if (this.leaseDurationMs <= this.renewDeadlineMs)
      throw new Error('leaseDuration must be greater than renewDeadline');
    if (this.renewDeadlineMs <= jitterFactor * this.retryPeriodMs) {
      throw new Error('renewDeadline must be greater than retryPeriod*JitterFactor');
    }
    this.leases = options.client.resource<Lease>(gvr.leases).namespace(options.leaseNamespace ?? 'kube-system');
  }

  isLeader(): boolean {
    return this.observed?.spec?.holderIdentity === this.options.identity;
  }

  /** Who leads, as last seen; empty if nobody. */
  leader(): string {
    return this.observed?.spec?.holderIdentity ?? '';
  }

  /**
   * For a health check: throws when this process holds the lease but has not renewed it for longer than its duration
   * plus `toleranceMs` (it should have stopped by then).
   */
  check(toleranceMs = 20_000): void {
    if (!this.isLeader()) return;
    const age = this.clock.now() - this.observedAt;
    if (age > this.leaseDurationMs + toleranceMs) {
      throw new Error(`failed election to renew leadership on lease ${this.options.leaseName}`);
    }
  }

  /**
   * Waits for the lease, leads, and resolves when leading ended: the lease was lost, or the signal aborted (then the
   * lease is released, so that another takes over at once). Call it again to stand for election again.
   */
  async run(signal: AbortSignal): Promise<void> {
    if (!(await this.acquire(signal))) return;
    const leading = new AbortController();
    const work = Promise.resolve(this.options.onStartedLeading(leading.signal)).catch((error: unknown) => {
      this.options.logger.error('Leader work failed', { error });
    });
    await this.renew(signal);
    leading.abort();
    if (!signal.aborted) {
      // Lost: another may lead at any moment, so the callback (which usually ends the process) must not wait for work
      // that hangs on the very connection that kept the lease from being renewed.
      this.options.onStoppedLeading?.();
      await work;
      return;
    }
    await work;
    await this.release();
    this.options.onStoppedLeading?.();
  }

  private async acquire(signal: AbortSignal): Promise<boolean> {
    this.options.logger.info('Attempting to acquire leader lease', { lease: this.options.leaseName });
    while (!signal.aborted) {
      if (await this.tryFor(this.renewDeadlineMs, signal)) {
        this.options.logger.info('Successfully acquired lease', { lease: this.options.leaseName });
        return true;
      }
      await delay(this.retryPeriodMs * (1 + jitterFactor * Math.random()), signal, this.clock);
    }
    return false;
  }

  /** Renews until the signal aborts or no renewal worked for the renew deadline. */
  private async renew(signal: AbortSignal): Promise<void> {
    let renewedAt = this.clock.now();
    while (!signal.aborted) {
      await delay(this.retryPeriodMs, signal, this.clock);
      if (signal.aborted) return;
      const left = renewedAt + this.renewDeadlineMs - this.clock.now();
      if (left > 0 && (await this.tryFor(left, signal))) {
        renewedAt = this.clock.now();
      } else if (this.clock.now() - renewedAt >= this.renewDeadlineMs || !this.isLeader()) {
        this.options.logger.error('Failed to renew lease, stopping', { lease: this.options.leaseName });
        return;
      }
    }
  }

  /** One try that ends after `ms` at the latest. (AbortSignal.any on a long-lived signal keeps memory in Node 20.) */
  private async tryFor(ms: number, signal: AbortSignal): Promise<boolean> {
    const attempt = new AbortController();
    const end = (): void => attempt.abort();
    const cancel = this.clock.after(ms, end);
    signal.addEventListener('abort', end, { once: true });
    try {
      return await this.tryAcquireOrRenew(attempt.signal);
    } finally {
      cancel();
      signal.removeEventListener('abort', end);
    }
  }

  private async tryAcquireOrRenew(signal: AbortSignal): Promise<boolean> {
    try {
      return await this.attempt(signal);
    } catch (error) {
      if (!signal.aborted) this.options.logger.debug('Lease attempt failed', { lease: this.options.leaseName, error });
      return false;
    }
  }

  private async attempt(signal: AbortSignal): Promise<boolean> {
    const { identity, leaseName } = this.options;
    const now = nowMicro();
    const mine = {
      holderIdentity: identity,
      leaseDurationSeconds: Math.max(1, Math.ceil(this.leaseDurationMs / 1000)),
      renewTime: now,
    };
    let current: Lease;
    try {
      current = await this.leases.get(leaseName, { signal });
    } catch (error) {
      if (!isNotFound(error)) throw error;
      const created = await this.leases.create(
        {
          apiVersion: 'coordination.k8s.io/v1',
          kind: 'Lease',
          metadata: { name: leaseName },
          spec: { ...mine, acquireTime: now, leaseTransitions: 0 },
        },
        { signal },
      );
      this.observe(created);
      return true;
    }
    if (current.metadata?.resourceVersion !== this.observed?.metadata?.resourceVersion) this.observe(current);
    const holder = current.spec?.holderIdentity ?? '';
    if (holder && holder !== identity && this.clock.now() < this.observedAt + this.durationOf(current)) return false;
    const again = holder === identity;
    const spec = {
      ...current.spec,
      ...mine,
      acquireTime: again ? current.spec?.acquireTime : now,
      leaseTransitions: (current.spec?.leaseTransitions ?? 0) + (again ? 0 : 1),
    };
    this.observe(await this.leases.update({ ...current, spec }, { signal }));
    return true;
  }

  /** The holder's own duration counts (it may run with other flags); ours if it gave none. */
  private durationOf(lease: Lease): number {
    const seconds = lease.spec?.leaseDurationSeconds;
    return seconds ? seconds * 1000 : this.leaseDurationMs;
  }

  /** Gives the lease up: an empty holder with a duration of a second lets another take it at once. */
  private async release(): Promise<void> {
    const lease = this.observed;
    if (!lease || !this.isLeader()) return;
    try {
      const spec = { ...lease.spec, holderIdentity: '', leaseDurationSeconds: 1, renewTime: nowMicro() };
      this.observe(await this.leases.update({ ...lease, spec }, { signal: AbortSignal.timeout(this.renewDeadlineMs) }));
    } catch (error) {
      this.options.logger.debug('Lease not released, it will expire', { lease: this.options.leaseName, error });
    }
  }

  private observe(lease: Lease): void {
    this.observed = lease;
    this.observedAt = this.clock.now();
    const leader = this.leader();
    if (leader && leader !== this.reportedLeader) {
      this.reportedLeader = leader;
      this.options.onNewLeader?.(leader);
    }
  }
}
