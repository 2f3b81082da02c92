import type { Logger } from '@kubelab/component-base';
import { type CriClient, CriError } from '@kubelab/cri';
import { sleep } from '../lifecycle/hooks.js';
import { podUidLabel } from '../runtime/labels.js';
import type { RuntimeOverview, RuntimeReader } from '../runtime/reader.js';

export interface PlegOptions {
  cri: CriClient;
  reader: RuntimeReader;
  logger: Logger;
  /** Relist period with events, in milliseconds: a net under what events missed. */
  relistMs: number;
  /** Relist period for runtimes without GetContainerEvents. */
  fallbackRelistMs: number;
  onPod(uid: string): void;
  /** Called after each relist with everything the runtime has. */
  onRelist?(overview: RuntimeOverview, tookMs: number): void;
}

const reconnectMs = 500;
/** Healthy while the last relist is not older than this beyond its period. */
const healthMarginMs = 180_000;

/**
 * Pod lifecycle event generator: tells which pods have changed in the runtime, from its event stream (KEP-3386) and
 * from comparing lists now and then.
 */
export class Pleg {
  private signatures = new Map<string, string>();
  private lastRelist = Date.now();
  private events = false;

  constructor(private readonly options: PlegOptions) {}

  /** Throws when the runtime has not been listed for too long. */
  check(): void {
    const age = Date.now() - this.lastRelist;
    const limit = this.periodMs() + healthMarginMs;
    if (age > limit) throw new Error(`pleg was last seen active ${Math.round(age / 1000)}s ago`);
  }

  async run(signal: AbortSignal): Promise<void> {
    await Promise.all([this.follow(signal), this.relistLoop(signal)]);
  }

  private periodMs(): number {
    return this.events ? this.options.relistMs : this.options.fallbackRelistMs;
  }

  private async follow(signal: AbortSignal): Promise<void> {
    const { cri, logger } = this.options;
    while (!signal.aborted) {
      try {
        const stream = cri.getContainerEvents({}, { signal });
        // Whatever happened before the stream began is found by a list.
        this.events = true;
        this.relist().catch((error) => logger.debug('Relist failed', { error }));
        for await (const event of stream) {
          const status = event.pod_sandbox_status;
          const uid =
            status?.metadata?.uid || status?.labels[podUidLabel] || event.containers_statuses[0]?.labels[podUidLabel];
          if (uid) this.options.onPod(uid);
          else await this.relist();
        }
      } catch (error) {
        this.events = false;
        if (error instanceof CriError && error.code === 'UNIMPLEMENTED') {
          logger.info('The runtime has no events, relisting instead', { periodMs: this.options.fallbackRelistMs });
          return;
        }
        if (!signal.aborted) logger.debug('Event stream of the runtime ended', { error });
      }
      this.events = false;
      await sleep(reconnectMs, signal);
    }
  }

  private async relistLoop(signal: AbortSignal): Promise<void> {
    while (!signal.aborted) {
      try {
        await this.relist();
      } catch (error) {
        if (!signal.aborted) this.options.logger.debug('Relist failed', { error });
      }
      const begun = Date.now();
      // In short naps, because the period shrinks when the event stream breaks.
      while (!signal.aborted && Date.now() - begun < this.periodMs()) {
        await sleep(Math.min(this.periodMs(), this.options.fallbackRelistMs * 5), signal);
      }
    }
  }

  /** Lists the runtime and wakes the pods whose state is not the one of the last list. */
  async relist(): Promise<void> {
    const begun = Date.now();
    const overview = await this.options.reader.overview();
    const now = new Map<string, string>();
    for (const [uid, { signature }] of overview.pods) {
      now.set(uid, signature);
      if (this.signatures.get(uid) !== signature) this.options.onPod(uid);
    }
    for (const uid of this.signatures.keys()) if (!now.has(uid)) this.options.onPod(uid);
    this.signatures = now;
    this.lastRelist = Date.now();
    this.options.onRelist?.(overview, this.lastRelist - begun);
  }
}
