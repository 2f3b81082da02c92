import type { QueueObserver } from '@kubelab/client';
import { Counter, Gauge, Histogram, type Registry } from '@kubelab/component-base';

const buckets = [1e-5, 1e-4, 1e-3, 1e-2, 0.1, 1, 10, 100];

function metric<T>(registry: Registry, name: string, create: () => T): T {
  return (registry.getSingleMetric(name) as T | undefined) ?? create();
}

/** client-go's workqueue metrics for one queue. */
export function queueMetrics(registry: Registry, name: string): QueueObserver {
  const common = { labelNames: ['name'] as const, registers: [registry] };
  const labels = { name };
  const depth = metric(
    registry,
    'workqueue_depth',
    () => new Gauge({ ...common, name: 'workqueue_depth', help: 'Current depth of workqueue' }),
  );
  const adds = metric(
    registry,
    'workqueue_adds_total',
    () => new Counter({ ...common, name: 'workqueue_adds_total', help: 'Total number of adds handled by workqueue' }),
  );
  const retries = metric(
    registry,
    'workqueue_retries_total',
    () =>
      new Counter({ ...common, name: 'workqueue_retries_total', help: 'Total number of retries handled by workqueue' }),
  );
  const waited = metric(
    registry,
    'workqueue_queue_duration_seconds',
    () =>
      new Histogram({
        ...common,
        buckets,
        name: 'workqueue_queue_duration_seconds',
        help: 'How long in seconds an item stays in workqueue before being requested',
      }),
  );
  const worked = metric(
    registry,
    'workqueue_work_duration_seconds',
    () =>
      new Histogram({
        ...common,
        buckets,
        name: 'workqueue_work_duration_seconds',
        help: 'How long in seconds processing an item from workqueue takes',
      }),
  );
  return {
    added(length) {
      adds.inc(labels);
      depth.set(labels, length);
    },
    started(waitedMs, length) {
      waited.observe(labels, waitedMs / 1000);
      depth.set(labels, length);
    },
    finished: (workedMs) => worked.observe(labels, workedMs / 1000),
    retried: () => retries.inc(labels),
  };
}
