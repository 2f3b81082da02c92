import { Counter, Gauge, Histogram, type Registry } from '@kubelab/component-base';

/** kube-scheduler's metrics, by its names. */
export class SchedulerMetrics {
  private readonly attempts: Counter;
  private readonly duration: Histogram;
  private readonly pendingPods: Gauge;
  private readonly podAttempts: Histogram;

  constructor(registry: Registry) {
    const registers = [registry];
    this.attempts = new Counter({
      name: 'scheduler_schedule_attempts_total',
      help: 'Number of attempts to schedule pods, by the result.',
      labelNames: ['result', 'profile'],
      registers,
    });
    this.duration = new Histogram({
      name: 'scheduler_scheduling_attempt_duration_seconds',
      help: 'Scheduling attempt latency in seconds (scheduling algorithm + binding).',
      labelNames: ['result', 'profile'],
      buckets: [
        0.001, 0.002, 0.004, 0.008, 0.016, 0.032, 0.064, 0.128, 0.256, 0.512, 1.024, 2.048, 4.096, 8.192, 16.384,
      ],
      registers,
    });
    this.pendingPods = new Gauge({
      name: 'scheduler_pending_pods',
      help: 'Number of pending pods, by the queue type.',
      labelNames: ['queue'],
      registers,
    });
    this.podAttempts = new Histogram({
      name: 'scheduler_pod_scheduling_attempts',
      help: 'Number of attempts to successfully schedule a pod.',
      buckets: [1, 2, 4, 8, 16],
      registers,
    });
  }

  scheduled(result: 'scheduled' | 'unschedulable' | 'error', seconds: number, attempts: number): void {
    const labels = { result, profile: 'default-scheduler' };
    this.attempts.inc(labels);
    this.duration.observe(labels, seconds);
    if (result === 'scheduled') {
      this.podAttempts.observe(attempts);
    }
  }

  pending(counts: { active: number; backoff: number; unschedulable: number }): void {
    for (const [queue, count] of Object.entries(counts)) {
      this.pendingPods.set({ queue }, count);
    }
  }
}
