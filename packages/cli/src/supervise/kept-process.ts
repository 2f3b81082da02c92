import type { ChildProcess } from 'node:child_process';
import type { Logger } from '@kubelab/component-base';
import { endDaemon, type ProcessSpec, startDaemon, stopDaemon } from '../process/daemon.js';
import {
  ageMs,
  isRunning,
  type LastExit,
  type PidRecord,
  readPidRecord,
  writePidRecord,
} from '../process/pid-record.js';
import { type BackOffTiming, kubeletBackOff, RestartBackOff } from './restart-back-off.js';

/** When a process counts as hung. Defaults: kubeadm's liveness and startup probes of the control plane. */
export interface KeepTiming {
  backOff: BackOffTiming;
  probePeriodMs: number;
  probeTimeoutMs: number;
  /** Probes in a row that fail before it is restarted. */
  liveFailures: number;
  /** The same for one that has not answered yet since its start. */
  startFailures: number;
}

export const defaultTiming: KeepTiming = {
  backOff: kubeletBackOff,
  probePeriodMs: 10_000,
  probeTimeoutMs: 15_000,
  liveFailures: 8,
  startFailures: 24,
};

/** What `kubelab status` shows of a process. */
export interface KeptState {
  running: boolean;
  pid?: number;
  restarts: number;
  lastExit?: LastExit;
  /** While it waits for its restart: when that is, RFC 3339. */
  nextStartAt?: string;
}

/**
 * One process that is kept running: started again when it ends, ended and started again when it hangs. A process that
 * this program did not start itself is watched by its pid and start time. `tick` must be called about once a second.
 */
export class KeptProcess {
  private readonly backOff: RestartBackOff;
  /** The run that is watched; `exited` belongs to the same one or is ignored. */
  private current: { record: PidRecord; isChild: boolean; sinceMs: number } | undefined;
  private nextStartMs: number | undefined;
  private nextProbeMs = 0;
  private failures = 0;
  private answered = false;
  private probing = false;
  /** Why it is being ended by ourselves. */
  private endReason: string | undefined;
  private closed = false;
  private queue: Promise<unknown> = Promise.resolve();

  constructor(
    readonly id: string,
    private spec: ProcessSpec,
    private readonly logger: Logger,
    private readonly timing: KeepTiming = defaultTiming,
    private readonly now: () => number = Date.now,
  ) {
    this.backOff = new RestartBackOff(timing.backOff);
  }

  /** Takes on the process that runs already, if it does; returns whether. One that ended unseen is noted as such. */
  adopt(): boolean {
    const record = readPidRecord(this.spec);
    if (!record) {
      return false;
    }
    if (!isRunning(record)) {
      this.noteEnd(record, 'ended while no supervisor ran');
      return false;
    }
    this.logger.info('Adopted', { process: this.id, pid: record.pid });
    this.watch(record, false);
    return true;
  }

  /**
   * Sees to it that the process runs with this command: one with another command is replaced, and a back-off is cut
   * short. Rejects when it cannot be started at all.
   */
  ensure(spec: ProcessSpec): Promise<'started' | 'running'> {
    return this.inTurn(async () => {
      this.spec = spec;
      const record = readPidRecord(spec);
      if (record && isRunning(record)) {
        if (JSON.stringify(record.command) === JSON.stringify(spec.command)) {
          if (this.current?.record.pid !== record.pid) {
            this.watch(record, false);
          }
          return 'running';
        }
        this.current = undefined;
        await stopDaemon(spec);
        this.logger.info('Ended to be started with another command', { process: this.id, pid: record.pid });
      }
      this.backOff.reset();
      await this.start();
      return 'started';
    });
  }

  /** Looks whether it has ended, whether it is time to start it again, and whether it still answers. */
  tick(): void {
    const now = this.now();
    if (this.current && !this.current.isChild && !isRunning(this.current.record)) {
      this.ended(this.current.record, this.endReason ?? 'ended');
    }
    if (this.nextStartMs !== undefined && now >= this.nextStartMs) {
      this.restart();
    }
    if (this.current && !this.probing && this.endReason === undefined && now >= this.nextProbeMs) {
      void this.probe(this.current.record);
    }
  }

  state(): KeptState {
    const record = readPidRecord(this.spec);
    const running = record !== undefined && isRunning(record);
    return {
      running,
      ...(running ? { pid: record.pid } : {}),
      restarts: record?.restarts ?? 0,
      ...(record?.lastExit ? { lastExit: record.lastExit } : {}),
      ...(this.nextStartMs === undefined ? {} : { nextStartAt: new Date(this.nextStartMs).toISOString() }),
    };
  }

  /** Lets go of the process, which goes on; resolves when nothing of ours is under way any more. */
  async close(): Promise<void> {
    this.closed = true;
    this.current = undefined;
    this.nextStartMs = undefined;
    await this.queue;
  }

  private watch(record: PidRecord, isChild: boolean): void {
    this.current = { record, isChild, sinceMs: this.now() - (isChild ? 0 : ageMs(record)) };
    this.nextStartMs = undefined;
    this.nextProbeMs = this.now() + this.timing.probePeriodMs;
    this.failures = 0;
    // One that has run for long is not one that still starts.
    this.answered = this.now() - this.current.sinceMs > this.timing.startFailures * this.timing.probePeriodMs;
    this.endReason = undefined;
  }

  private async start(): Promise<void> {
    this.nextStartMs = undefined;
    let child: ChildProcess;
    try {
      child = await startDaemon(this.spec);
    } catch (error) {
      this.endOfRun(0, `cannot be started: ${(error as Error).message}`);
      throw error;
    }
    const record = readPidRecord(this.spec);
    if (!record || record.pid !== child.pid) {
      throw new Error(`${this.id}: its pid file is gone`);
    }
    this.watch(record, true);
    this.logger.info('Started', { process: this.id, pid: record.pid });
    const onExit = (code: number | null, signal: string | null) =>
      this.ended(record, this.endReason ?? (signal === null ? `exit code ${code}` : `signal ${signal}`));
    if (child.exitCode !== null || child.signalCode !== null) {
      onExit(child.exitCode, child.signalCode);
    } else {
      child.once('exit', onExit);
    }
  }

  private ended(record: PidRecord, reason: string): void {
    if (this.closed || this.current?.record !== record) {
      return;
    }
    const ranMs = this.now() - this.current.sinceMs;
    this.current = undefined;
    this.endReason = undefined;
    this.endOfRun(ranMs, reason);
    if (this.nextStartMs !== undefined && this.nextStartMs <= this.now()) {
      this.restart();
    }
  }

  /** Notes how a run ended and when the next one begins. */
  private endOfRun(ranMs: number, reason: string): void {
    const delayMs = this.backOff.afterRunOf(ranMs);
    this.nextStartMs = this.now() + delayMs;
    const record = readPidRecord(this.spec);
    if (record) {
      this.noteEnd(record, reason);
    }
    this.logger.warn('Ended', { process: this.id, reason, ranSeconds: Math.round(ranMs / 1000), restartInMs: delayMs });
  }

  private noteEnd(record: PidRecord, reason: string): void {
    const lastExit = { at: new Date(this.now()).toISOString(), reason };
    writePidRecord(this.spec, { ...record, restarts: (record.restarts ?? 0) + 1, lastExit });
  }

  private restart(): void {
    this.nextStartMs = undefined;
    this.inTurn(async () => {
      // Something asked for it in the meantime.
      if (this.current || this.closed) {
        return;
      }
      await this.start();
    }).catch((error: unknown) => this.logger.error('Restart failed', { process: this.id, error }));
  }

  private async probe(record: PidRecord): Promise<void> {
    this.probing = true;
    // Counted from the beginning, as the kubelet does: one that times out is followed by the next at once.
    this.nextProbeMs = this.now() + this.timing.probePeriodMs;
    let ok = false;
    try {
      ok = await this.spec.live(this.timing.probeTimeoutMs);
    } catch (error) {
      this.logger.warn('Probe failed', { process: this.id, error });
    } finally {
      this.probing = false;
    }
    if (this.closed || this.current?.record !== record) {
      return;
    }
    if (ok) {
      this.failures = 0;
      this.answered = true;
      return;
    }
    this.failures++;
    if (this.failures >= (this.answered ? this.timing.liveFailures : this.timing.startFailures)) {
      this.endReason = `no answer to ${this.failures} probes`;
      this.logger.warn('Hangs and is ended', { process: this.id, pid: record.pid, failedProbes: this.failures });
      const spec = this.spec;
      this.inTurn(() => (this.current?.record === record ? endDaemon(spec) : Promise.resolve(false))).catch(
        (error: unknown) => this.logger.error('Cannot be ended', { process: this.id, error }),
      );
    }
  }

  /** Starts and ends of the process happen one after the other. */
  private inTurn<T>(work: () => Promise<T>): Promise<T> {
    const result = this.queue.then(work);
    this.queue = result.catch(() => undefined);
    return result;
  }
}
