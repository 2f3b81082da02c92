import type { KubeObject } from '@kubelab/apimachinery';
import type { Logger } from '@kubelab/component-base';
import type { ObjectAccess, ObjectObserver } from '../object-access.js';
import type { ClusterIpRepair, Recheck } from './cluster-ip-repair.js';
import { ipAddresses, parentOf, refersToService, services } from './ip-address.js';

const retryMs = { first: 100, most: 60_000 };

/** Has the Services and IPAddresses checked that change, one at a time, and all of them by `checkAll`. */
export class RepairLoop {
  private readonly pending = new Map<string, () => Promise<Recheck>>();
  private readonly timers = new Map<string, NodeJS.Timeout>();
  private readonly failures = new Map<string, number>();
  private stops: (() => void)[] = [];
  private running: Promise<void> | undefined;
  private stopped = false;

  constructor(
    private readonly objects: ObjectAccess,
    private readonly repair: ClusterIpRepair,
    private readonly logger: Logger,
  ) {}

  /** Checks everything once; rejects when a check fails. The first time, changes are followed from then on. */
  async checkAll(): Promise<void> {
    for (const { metadata } of await this.objects.list(services, '', { consistent: true })) {
      await this.repair.checkService(metadata.namespace ?? '', metadata.name ?? '');
    }
    for (const { metadata } of await this.objects.list(ipAddresses, '')) {
      this.plan(`ip/${metadata.name}`, await this.repair.checkIpAddress(metadata.name ?? ''));
    }
    if (this.stops.length === 0) {
      this.stops = [
        await this.objects.observe(
          services,
          this.observer((service) => this.addService(service.metadata)),
        ),
        await this.objects.observe(ipAddresses, {
          ...this.observer((address) => this.addIpAddress(address)),
          deleted: (address) => {
            // One that a Service still has comes back.
            const { namespace, name } = parentOf(address);
            if (refersToService(parentOf(address))) this.addService({ namespace, name });
          },
        }),
      ];
    }
  }

  async stop(): Promise<void> {
    this.stopped = true;
    for (const stop of this.stops) stop();
    for (const timer of this.timers.values()) clearTimeout(timer);
    this.pending.clear();
    await this.running;
  }

  private observer(add: (object: KubeObject) => void): ObjectObserver {
    return { added: add, updated: (_, now) => add(now), deleted: () => undefined };
  }

  private addService({ namespace = '', name = '' }: KubeObject['metadata']): void {
    this.add(`service/${namespace}/${name}`, () => this.repair.checkService(namespace, name));
  }

  private addIpAddress({ metadata: { name = '' } }: KubeObject): void {
    this.add(`ip/${name}`, () => this.repair.checkIpAddress(name));
  }

  private add(key: string, check: () => Promise<Recheck>): void {
    if (!this.stopped) {
      this.pending.set(key, check);
      this.running ??= this.work();
    }
  }

  private async work(): Promise<void> {
    for (const [key, check] of this.pending) {
      this.pending.delete(key);
      try {
        this.plan(key, await check(), check);
        this.failures.delete(key);
      } catch (error) {
        const failures = this.failures.get(key) ?? 0;
        this.failures.set(key, failures + 1);
        const afterMs = Math.min(retryMs.first * 2 ** failures, retryMs.most);
        this.logger.warn('A cluster IP could not be checked', { key, error, retryInMs: afterMs });
        this.plan(key, { afterMs }, check);
      }
    }
    // Nothing may be added between the end of the loop and this.
    this.running = undefined;
  }

  private plan(key: string, recheck: Recheck, check = () => this.repair.checkIpAddress(key.slice('ip/'.length))): void {
    clearTimeout(this.timers.get(key));
    this.timers.delete(key);
    if (recheck && !this.stopped) {
      const timer = setTimeout(() => {
        this.timers.delete(key);
        this.add(key, check);
      }, recheck.afterMs);
      timer.unref();
      this.timers.set(key, timer);
    }
  }
}
