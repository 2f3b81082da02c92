import { setTimeout as sleep } from 'node:timers/promises';
import type { Etcd3 } from 'etcd3';
import { connectEtcd, type EtcdConnection } from './connect-etcd.js';

export interface EtcdElectorLog {
  info(message: string, fields?: object): void;
  warn(message: string, fields?: object): void;
  error(message: string, fields?: object): void;
}

export interface EtcdElectorOptions {
  etcd: EtcdConnection;
  /** All keys below it are candidates: `/kubelab/election/kube-system/kube-scheduler/`. */
  prefix: string;
  /** Unique a process: `host_uuid`. */
  identity: string;
  /** Time to live of etcd's lease; default 15 000. */
  leaseDurationMs?: number;
  /** How long the leader tries to renew before it gives up; default 10 000. Less than leaseDurationMs. */
  renewDeadlineMs?: number;
  /** Between two renewals, or looks whether it is this candidate's turn; default 2 000. */
  retryPeriodMs?: number;
  /** Called when this process leads; the signal aborts when it no longer does. */
  onStartedLeading(signal: AbortSignal): void | Promise<void>;
  /** Called when leading ended: at once when the lease was lost, else after the work has ended and the lease is released. */
  onStoppedLeading?(): void;
  /** Called when another (or this) process was seen to lead. */
  onNewLeader?(identity: string): void;
  logger: EtcdElectorLog;
}

/** A key of this process below the prefix; it is there as long as its lease is. */
interface Candidacy {
  key: string;
  lease: string;
  /** When the request that last renewed the lease was sent: etcd counts its time from later than that. */
  renewedAt: number;
}

type Ending = 'stopped' | 'lost';

/**
 * Leader election by etcd itself, as etcd's own `concurrency.Election` does it: each candidate puts a key with a lease,
 * and the oldest key leads. A leader that cannot renew gives up before etcd lets its lease expire, so that there are
 * never two. Same use as the client's LeaderElector.
 */
export class EtcdElector {
  private readonly leaseMs: number;
  private readonly deadlineMs: number;
  private readonly periodMs: number;
  private readonly etcd: Etcd3;
  private candidacy: Candidacy | undefined;
  private leading: { stop: AbortController; work: Promise<void> } | undefined;
  private reported = '';

  constructor(private readonly o: EtcdElectorOptions) {
    this.leaseMs = o.leaseDurationMs ?? 15_000;
    this.deadlineMs = o.renewDeadlineMs ?? 10_000;
    this.periodMs = o.retryPeriodMs ?? 2_000;
    if (this.leaseMs <= this.deadlineMs) throw new Error('leaseDuration must be greater than renewDeadline');
    if (this.deadlineMs <= this.periodMs) throw new Error('renewDeadline must be greater than retryPeriod');
    this.etcd = connectEtcd(o.etcd, this.deadlineMs);
  }

  isLeader(): boolean {
    return this.leading !== undefined;
  }

  /** For a health check: throws when this process leads and should have stopped by now. */
  check(toleranceMs = 20_000): void {
    if (this.leading && this.candidacy && Date.now() - this.candidacy.renewedAt > this.leaseMs + toleranceMs) {
      throw new Error(`failed election to renew leadership on ${this.o.prefix}`);
    }
  }

  /** Stands for election, leads, and resolves when leading ended: the lease was lost, or the signal aborted. */
  async run(signal: AbortSignal): Promise<void> {
    try {
      while (!signal.aborted) {
        const candidacy = await this.stand(signal);
        if (!candidacy) return;
        this.candidacy = candidacy;
        const ending = await this.hold(candidacy, signal);
        const { leading } = this;
        if (ending === 'stopped' || leading) {
          await this.end(candidacy, ending);
          return;
        }
        this.o.logger.warn('Candidacy lost, standing again', { prefix: this.o.prefix });
      }
    } finally {
      this.etcd.close();
    }
  }

  private async stand(signal: AbortSignal): Promise<Candidacy | undefined> {
    while (!signal.aborted) {
      const renewedAt = Date.now();
      try {
        const { ID: lease } = await this.etcd.leaseClient.leaseGrant({ TTL: Math.ceil(this.leaseMs / 1000), ID: 0 });
        const key = `${this.o.prefix}${BigInt(lease).toString(16)}`;
        await this.etcd.kv.put({ key: Buffer.from(key), value: Buffer.from(this.o.identity), lease });
        return { key, lease, renewedAt };
      } catch (error) {
        this.o.logger.warn('Standing for election failed', { prefix: this.o.prefix, error });
      }
      await this.pause(signal);
    }
    return undefined;
  }

  /** Renews, and leads once it is this candidate's turn, until that ends. */
  private async hold(candidacy: Candidacy, signal: AbortSignal): Promise<Ending> {
    while (!signal.aborted) {
      const left = () => this.deadlineMs - (Date.now() - candidacy.renewedAt);
      const sentAt = Date.now();
      try {
        const isThere = await within(Math.min(left(), 2 * this.periodMs), () => this.renew(candidacy));
        if (!isThere) return 'lost';
        candidacy.renewedAt = sentAt;
        const leader = await within(Math.min(left(), 2 * this.periodMs), () => this.oldest());
        if (leader?.key === candidacy.key) this.lead(signal);
        // Its key was removed by somebody: the lease without it is nothing.
        else if (this.leading) return 'lost';
        this.report(leader?.identity ?? '');
      } catch (error) {
        this.o.logger.warn('Renewing failed', { prefix: this.o.prefix, error });
      }
      if (left() <= 0) return 'lost';
      await this.pause(signal, left());
    }
    return 'stopped';
  }

  private lead(signal: AbortSignal): void {
    if (this.leading || signal.aborted) return;
    this.o.logger.info('Became leader', { prefix: this.o.prefix, identity: this.o.identity });
    const stop = new AbortController();
    const work = Promise.resolve(this.o.onStartedLeading(stop.signal)).catch((error: unknown) => {
      this.o.logger.error('Leader work failed', { error });
    });
    this.leading = { stop, work };
  }

  private async end(candidacy: Candidacy, ending: Ending): Promise<void> {
    const { leading } = this;
    leading?.stop.abort();
    if (ending === 'lost') {
      // Another may lead at any moment: the callback must not wait for work that hangs on the same lost connection.
      this.leading = undefined;
      this.o.onStoppedLeading?.();
      await leading?.work;
      return;
    }
    await leading?.work;
    this.leading = undefined;
    try {
      await this.etcd.leaseClient.leaseRevoke({ ID: candidacy.lease });
    } catch (error) {
      this.o.logger.warn('Releasing the lease failed; it will expire', { prefix: this.o.prefix, error });
    }
    if (leading) this.o.onStoppedLeading?.();
  }

  /** False when etcd has no such lease any more. */
  private async renew({ lease }: Candidacy): Promise<boolean> {
    const stream = await this.etcd.leaseClient.leaseKeepAlive();
    try {
      return await new Promise((resolve, reject) => {
        stream.on('data', (answer: { TTL: string | number }) => resolve(Number(answer.TTL) > 0));
        stream.on('error', reject);
        stream.on('end', () => reject(new Error('etcd ended the stream of renewals')));
        stream.write({ ID: lease });
      });
    } finally {
      stream.end();
    }
  }

  private async oldest(): Promise<{ key: string; identity: string } | undefined> {
    const { prefix } = this.o;
    const end = Buffer.from(prefix);
    end[end.length - 1] = (end[end.length - 1] ?? 0) + 1;
    const range = { key: Buffer.from(prefix), range_end: end, limit: 1 };
    const { kvs } = await this.etcd.kv.range({ ...range, sort_target: 'Create', sort_order: 'Ascend' });
    return kvs[0] && { key: kvs[0].key.toString(), identity: kvs[0].value.toString() };
  }

  private report(identity: string): void {
    if (identity === this.reported || identity === '') return;
    this.reported = identity;
    this.o.onNewLeader?.(identity);
  }

  private async pause(signal: AbortSignal, atMostMs = this.periodMs): Promise<void> {
    try {
      await sleep(Math.min(this.periodMs, atMostMs), undefined, { signal });
    } catch (error) {
      if (!signal.aborted) throw error;
    }
  }
}

/** The promise's outcome, or an error when it takes longer: a cut connection may leave a call without an end. */
async function within<T>(ms: number, call: () => Promise<T>): Promise<T> {
  const limit = new AbortController();
  const late = sleep(Math.max(1, ms), undefined, { signal: limit.signal }).then(
    (): never => {
      throw new Error(`no answer within ${ms} ms`);
    },
    (): never => {
      throw new Error('answered');
    },
  );
  // Nobody waits for it once there is an answer.
  late.catch(() => undefined);
  try {
    return await Promise.race([call(), late]);
  } finally {
    limit.abort();
  }
}
