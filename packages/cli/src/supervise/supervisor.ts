import type { Logger } from '@kubelab/component-base';
import { readClusterConfig } from '../cluster/config.js';
import { buildId, type Layout } from '../cluster/layout.js';
import { ensureLab } from '../phases/lab-network.js';
import { type ProcessSpec, waitReady } from '../process/daemon.js';
import type { SupervisorApi } from './control-socket.js';
import { type KeepTiming, KeptProcess, type KeptState } from './kept-process.js';
import { rotateLog } from './log-rotation.js';
import { type ClusterProcess, clusterProcesses, controlPlaneGroup } from './processes.js';
import { WantedProcesses } from './wanted.js';

const tickMs = 1000;
const logCheckMs = 30_000;
/** At a boot, how long the next process waits for the one before it to serve before it is started all the same. */
const bootWaitMs = 30_000;

/** Keeps the cluster's processes on this machine running. */
export class Supervisor implements SupervisorApi {
  readonly build = buildId();
  private readonly kept = new Map<string, KeptProcess>();
  private readonly wanted: WantedProcesses;
  private readonly timers: NodeJS.Timeout[] = [];
  private closing = false;

  constructor(
    private readonly layout: Layout,
    private readonly logger: Logger,
    private readonly timing?: KeepTiming,
  ) {
    this.wanted = new WantedProcesses(layout);
  }

  /**
   * Takes on what runs of the processes that are wanted and begins to watch. Returns at once; what does not run is
   * started in the background, in order, as after a reboot.
   */
  start(): void {
    const wanted = clusterProcesses(this.layout).filter(({ id }) => this.wanted.has(id));
    const down = wanted.filter((process) => !this.keep(process).adopt());
    this.timers.push(
      setInterval(() => this.tick(), tickMs),
      setInterval(() => this.rotateLogs(), logCheckMs),
    );
    if (down.length > 0) {
      this.boot(down).catch((error: unknown) => {
        // The lab's network is not there: nothing that runs in it can be started. Crash-only: its keeper tries again.
        this.logger.error('Start of what was down failed', { error });
        process.exit(1);
      });
    }
  }

  async ensure(id: string): Promise<'started' | 'running'> {
    const process = clusterProcesses(this.layout).find((candidate) => candidate.id === id);
    if (!process) {
      throw new Error(`the cluster has no process ${id} on this machine`);
    }
    this.wanted.add(id);
    return this.keep(process).ensure(process.spec);
  }

  states(): Record<string, KeptState> {
    return Object.fromEntries([...this.kept.values()].map((kept) => [kept.id, kept.state()]));
  }

  /** Stops watching; the processes go on. */
  async close(): Promise<void> {
    this.closing = true;
    for (const timer of this.timers) {
      clearInterval(timer);
    }
    await Promise.all([...this.kept.values()].map((kept) => kept.close()));
  }

  private keep({ id, spec }: ClusterProcess): KeptProcess {
    let kept = this.kept.get(id);
    if (!kept) {
      kept = new KeptProcess(id, spec, this.logger, this.timing);
      this.kept.set(id, kept);
    }
    return kept;
  }

  /** Starts processes in order: the control plane one by one, then the nodes beside each other. */
  private async boot(down: ClusterProcess[]): Promise<void> {
    this.logger.info('Starting what is down', { processes: down.map(({ id }) => id).join(',') });
    const config = readClusterConfig(this.layout);
    if (config?.mode === 'lab') {
      await ensureLab(config, this.layout);
    }
    const [control, ...nodes] = [...new Set([controlPlaneGroup, ...down.map(({ group }) => group)])].map((name) =>
      down.filter(({ group }) => group === name),
    );
    await this.startInOrder(control ?? []);
    await Promise.all(nodes.map((processes) => this.startInOrder(processes)));
  }

  private async startInOrder(processes: ClusterProcess[]): Promise<void> {
    for (const { id, spec } of processes) {
      if (this.closing) {
        return;
      }
      try {
        await this.kept.get(id)?.ensure(spec);
        await this.waitServing(spec);
      } catch (error) {
        // It is tried again with its back-off; the next ones need not wait for that.
        this.logger.warn('Does not serve yet', { process: id, error });
      }
    }
  }

  private waitServing(spec: ProcessSpec): Promise<void> {
    return waitReady({ ...spec, ready: () => spec.live(2000), readyTimeoutMs: bootWaitMs });
  }

  private tick(): void {
    for (const kept of this.kept.values()) {
      kept.tick();
    }
  }

  private rotateLogs(): void {
    const files = [`${this.layout.logDir}/supervisor.log`];
    for (const { id, spec } of clusterProcesses(this.layout)) {
      if (this.kept.has(id)) {
        files.push(spec.logFile);
      }
    }
    for (const file of files) {
      try {
        if (rotateLog(file)) {
          this.logger.info('Log rotated', { file });
        }
      } catch (error) {
        this.logger.warn('Log cannot be rotated', { file, error });
      }
    }
  }
}
