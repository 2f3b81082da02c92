import { Counter, Gauge, Histogram, type Registry } from '@kubelab/component-base';
import type { SchedulingQueue } from '../queue/scheduling-queue.js';

const exponential = (start: number, factor: number, count: number): number[] =>
  Array.from({ length: count }, (_, i) => start * factor ** i);

/** kube-scheduler's metrics, by its names. */
export class SchedulerMetrics {
  private readonly attempts: Counter<'result' | 'profile'>;
  private readonly attemptSeconds: Histogram<'result' | 'profile'>;
  private readonly algorithmSeconds: Histogram;
  private readonly sliSeconds: Histogram<'attempts'>;
  private readonly podAttempts: Histogram;
  private readonly preemptionVictims: Histogram;
  private readonly preemptions: Counter;
  private readonly incoming: Counter<'queue' | 'event'>;
  private readonly pointSeconds: Histogram<'extension_point' | 'status' | 'profile'>;
  private readonly permitSeconds: Histogram<'result'>;

  constructor(registry: Registry, queue: () => SchedulingQueue | undefined, cacheSize: () => Record<string, number>) {
    const registers = [registry];
    this.attempts = new Counter({
      name: 'scheduler_schedule_attempts_total',
      help: "Number of attempts to schedule pods, by the result. 'unschedulable' means a pod could not be scheduled, while 'error' means an internal scheduler problem.",
      labelNames: ['result', 'profile'],
      registers,
    });
    this.attemptSeconds = new Histogram({
      name: 'scheduler_scheduling_attempt_duration_seconds',
      help: 'Scheduling attempt latency in seconds (scheduling algorithm + binding)',
      labelNames: ['result', 'profile'],
      buckets: exponential(0.001, 2, 15),
      registers,
    });
    this.algorithmSeconds = new Histogram({
      name: 'scheduler_scheduling_algorithm_duration_seconds',
      help: 'Scheduling algorithm latency in seconds',
      buckets: exponential(0.001, 2, 15),
      registers,
    });
    this.sliSeconds = new Histogram({
      name: 'scheduler_pod_scheduling_sli_duration_seconds',
      help: 'E2e latency for a pod being scheduled, from the time the pod enters the scheduling queue and might involve multiple scheduling attempts.',
      labelNames: ['attempts'],
      buckets: exponential(0.01, 2, 20),
      registers,
    });
    this.podAttempts = new Histogram({
      name: 'scheduler_pod_scheduling_attempts',
      help: 'Number of attempts to successfully schedule a pod.',
      buckets: [1, 2, 4, 8, 16],
      registers,
    });
    this.preemptions = new Counter({
      name: 'scheduler_preemption_attempts_total',
      help: 'Total preemption attempts in the cluster till now',
      registers,
    });
    this.preemptionVictims = new Histogram({
      name: 'scheduler_preemption_victims',
      help: 'Number of selected preemption victims',
      buckets: [1, 2, 4, 8, 16, 32, 64],
      registers,
    });
    this.incoming = new Counter({
      name: 'scheduler_queue_incoming_pods_total',
      help: 'Number of pods added to scheduling queues by event and queue type.',
      labelNames: ['queue', 'event'],
      registers,
    });
    this.pointSeconds = new Histogram({
      name: 'scheduler_framework_extension_point_duration_seconds',
      help: 'Latency for running all plugins of a specific extension point.',
      labelNames: ['extension_point', 'status', 'profile'],
      buckets: exponential(0.0001, 2, 12),
      registers,
    });
    this.permitSeconds = new Histogram({
      name: 'scheduler_permit_wait_duration_seconds',
      help: 'Duration of waiting on permit.',
      labelNames: ['result'],
      buckets: exponential(0.001, 2, 15),
      registers,
    });
    new Gauge({
      name: 'scheduler_unschedulable_pods',
      help: 'The number of unschedulable pods broken down by plugin name. A pod will increment the gauge for all plugins that caused it to not schedule and so this metric have meaning only when broken down by plugin.',
      labelNames: ['plugin', 'profile'],
      registers,
      collect() {
        this.reset();
        for (const { plugin, profile, count } of queue()?.rejections() ?? []) this.set({ plugin, profile }, count);
      },
    });
    new Gauge({
      name: 'scheduler_pending_pods',
      help: 'Number of pending pods, by the queue type.',
      labelNames: ['queue'],
      registers,
      collect() {
        for (const [name, n] of Object.entries(queue()?.counts() ?? {})) this.set({ queue: name }, n);
      },
    });
    new Gauge({
      name: 'scheduler_scheduler_cache_size',
      help: 'Number of nodes, pods, and assumed (bound) pods in the scheduler cache.',
      labelNames: ['type'],
      registers,
      collect() {
        for (const [type, n] of Object.entries(cacheSize())) this.set({ type }, n);
      },
    });
  }

  algorithm(seconds: number): void {
    this.algorithmSeconds.observe(seconds);
  }

  queued(queue: 'active' | 'backoff' | 'unschedulable' | 'gated', event: string): void {
    this.incoming.inc({ queue, event });
  }

  /** All plugins of an extension point have run for a pod. */
  point(point: string, status: string, profile: string, seconds: number): void {
    this.pointSeconds.observe({ extension_point: point, status, profile }, seconds);
  }

  permitWait(result: string, seconds: number): void {
    this.permitSeconds.observe({ result }, seconds);
  }

  attempt(result: 'scheduled' | 'unschedulable' | 'error', profile: string, seconds: number): void {
    this.attempts.inc({ result, profile });
    this.attemptSeconds.observe({ result, profile }, seconds);
  }

  scheduled(attempts: number, sinceFirstSeenSeconds: number): void {
    this.podAttempts.observe(attempts);
    this.sliSeconds.observe({ attempts: attempts < 15 ? String(attempts) : '15+' }, sinceFirstSeenSeconds);
  }

  preempted(victims: number): void {
    this.preemptions.inc();
    if (victims > 0) this.preemptionVictims.observe(victims);
  }
}
