import type { V1Service } from '@kubelab/api';
import { Registry } from '@kubelab/component-base';
import type { Backend } from '@kubelab/node-iptables';
import { KubeProxy } from '../kube-proxy.js';
import type { ProxyMode, ProxyOptions } from '../options.js';
import type { Lab } from '../testing/lab.js';
import { labProxyOptions } from '../testing/proxy-options.js';
import type { TrafficCase } from './case.js';

/** What the suite has to know of a mode. */
export interface Mode {
  mode: ProxyMode;
  backend: Backend;
  /** Of this mode alone. */
  options?: Partial<ProxyOptions>;
  /** Prepares the node before the first proxy starts, with something of others that must stay. */
  prepare(lab: Lab): void;
  /** All that the kernel shows of what the mode makes. */
  shown(lab: Lab): string;
  /** Of that, what is for a Service's address, in an order that does not change. */
  shownOf(lab: Lab, clusterIP: string): string[];
  /** What is shown of a port 3868 of SCTP at 10.96.0.22, node port 30022, with the endpoint p1, and without any. */
  sctp: { served: RegExp[]; refused: RegExp };
  /** Ways in which somebody else takes away what the mode made; each resolves when the proxy can know of it. */
  takeAways: ((stage: Stage) => Promise<void>)[];
  /** That what others had is still there. */
  keepsOthers(lab: Lab): void;
  /** Cases of this mode alone. */
  cases: TrafficCase[];
}

/** A lab with a proxy in one mode on its node. */
export class Stage {
  proxy!: KubeProxy;
  metrics = new Registry();
  /** Complaints of the proxy, each `SERVICE: MESSAGE`. */
  readonly problems: string[] = [];
  private stop = new AbortController();
  private running: Promise<void> | undefined;

  constructor(
    readonly lab: Lab,
    readonly mode: Mode,
  ) {}

  /** Starts a proxy with what `set` gives it; resolves when that is in the kernel. */
  async start(set: (proxy: KubeProxy) => void | Promise<void>, options: Partial<ProxyOptions> = {}): Promise<void> {
    this.stop = new AbortController();
    this.metrics = new Registry();
    this.proxy = await KubeProxy.create({
      ...labProxyOptions({
        mode: this.mode.mode,
        backend: this.mode.backend,
        prefix: this.lab.prefix,
        signal: this.stop.signal,
      }),
      minSyncPeriodMs: 10,
      // Health check ports are opened by this very process, which may have none of the node's addresses.
      nodePortAddresses: ['0.0.0.0/0', '::/0'],
      metrics: this.metrics,
      onProblem: (s: V1Service, message) => this.problems.push(`${s.metadata?.name}: ${message}`),
      ...this.mode.options,
      ...options,
    });
    await set(this.proxy);
    this.running = this.proxy.run();
    await this.proxy.settled();
  }

  /** Ends the proxy; what it made stays. */
  async end(): Promise<void> {
    this.stop.abort();
    await this.proxy?.stop();
    await this.running;
    this.running = undefined;
  }
}
