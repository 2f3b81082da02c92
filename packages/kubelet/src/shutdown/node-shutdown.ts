import type { Logger } from '@kubelab/component-base';
import { sleep } from '../lifecycle/hooks.js';
import type { PodManager } from '../pod/manager.js';

export interface NodeShutdownOptions {
  pods: PodManager;
  logger: Logger;
  /** --shutdown-grace-period: all the time there is. */
  graceMs: number;
  /** --shutdown-grace-period-critical-pods: the part at its end that critical pods have for themselves. */
  criticalGraceMs: number;
  /** The node turned not ready, or ready again. */
  onChange(): void;
}

const pollMs = 50;
const criticalPriority = 2_000_000_000;

/** Ends the node's pods in order when the machine goes down: ordinary ones first, critical ones last (KEP-2000). */
export class NodeShutdown {
  private active = false;

  constructor(private readonly options: NodeShutdownOptions) {}

  get shuttingDown(): boolean {
    return this.active;
  }

  /** The shutdown was called off. */
  cancel(): void {
    this.active = false;
    this.options.onChange();
  }

  /** Resolves when the pods have ended, or their time is over. */
  async run(): Promise<void> {
    if (this.active) return;
    this.active = true;
    this.options.onChange();
    const { graceMs, criticalGraceMs } = this.options;
    await this.end(false, Math.max(0, graceMs - criticalGraceMs));
    await this.end(true, criticalGraceMs);
  }

  private async end(critical: boolean, graceMs: number): Promise<void> {
    const { pods, logger } = this.options;
    const workers = pods.allWorkers().filter((worker) => {
      return worker.active && (worker.pod.spec.priority ?? 0) >= criticalPriority === critical;
    });
    logger.info('Node shutdown: ending pods', { critical, pods: workers.length, graceMs });
    for (const worker of workers) {
      const own = worker.pod.spec.terminationGracePeriodSeconds ?? 30;
      const override = { reason: 'Terminated', message: 'Pod was terminated in response to imminent node shutdown.' };
      worker.evict(override, Math.min(own, Math.floor(graceMs / 1000)));
    }
    const deadline = Date.now() + graceMs;
    while (Date.now() < deadline && workers.some((worker) => worker.active)) await sleep(pollMs);
  }
}
