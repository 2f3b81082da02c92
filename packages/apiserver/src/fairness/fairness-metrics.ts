import { Counter, Gauge, Histogram, type Registry } from '@kubelab/component-base';

const prefix = 'apiserver_flowcontrol_';

/** Kubernetes' metrics of API priority and fairness. */
export class FairnessMetrics {
  readonly dispatched: Counter<'priority_level' | 'flow_schema'>;
  readonly rejected: Counter<'priority_level' | 'flow_schema' | 'reason'>;
  readonly waitSeconds: Histogram<'priority_level' | 'flow_schema' | 'execute'>;

  /** @param collect sets the gauges when metrics are read */
  constructor(registry: Registry, collect: (set: (name: GaugeName, level: string, value: number) => void) => void) {
    const registers = [registry];
    this.dispatched = new Counter({
      name: `${prefix}dispatched_requests_total`,
      help: 'Number of requests executed by API Priority and Fairness subsystem',
      labelNames: ['priority_level', 'flow_schema'],
      registers,
    });
    this.rejected = new Counter({
      name: `${prefix}rejected_requests_total`,
      help: 'Number of requests rejected by API Priority and Fairness subsystem',
      labelNames: ['priority_level', 'flow_schema', 'reason'],
      registers,
    });
    this.waitSeconds = new Histogram({
      name: `${prefix}request_wait_duration_seconds`,
      help: 'Length of time a request spent waiting in its queue',
      labelNames: ['priority_level', 'flow_schema', 'execute'],
      buckets: [0, 0.005, 0.02, 0.05, 0.1, 0.2, 0.5, 1, 2, 5, 10, 15, 30],
      registers,
    });
    const gauges = new Map<GaugeName, Gauge<'priority_level'>>();
    const set = (name: GaugeName, level: string, value: number) =>
      gauges.get(name)?.set({ priority_level: level }, value);
    for (const [name, help] of Object.entries(gaugeHelp) as [GaugeName, string][]) {
      gauges.set(
        name,
        new Gauge({
          name: prefix + name,
          help,
          labelNames: ['priority_level'],
          registers,
          // One of them brings all up to date.
          ...(name === 'current_executing_requests' ? { collect: () => collect(set) } : {}),
        }),
      );
    }
  }
}

const gaugeHelp = {
  current_executing_requests: 'Number of requests in initial (for a WATCH) or any (for a non-WATCH) execution stage',
  current_executing_seats: 'Concurrency (number of seats) occupied by the currently executing requests',
  current_inqueue_requests: 'Number of requests currently pending in queues',
  nominal_limit_seats: 'Nominal number of execution seats configured for each priority level',
  current_limit_seats: 'current derived number of execution seats available to each priority level',
  lower_limit_seats: 'Configured lower bound on number of execution seats available to each priority level',
  upper_limit_seats: 'Configured upper bound on number of execution seats available to each priority level',
} as const;
export type GaugeName = keyof typeof gaugeHelp;
