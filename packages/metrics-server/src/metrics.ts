import { Counter, Gauge, Histogram, type Registry } from '@kubelab/component-base';

/** Metrics under metrics-server's names. */
export class MetricsServerMetrics {
  readonly requestDuration: Histogram;
  readonly requests: Counter;
  readonly lastRequest: Gauge;
  readonly tickDuration: Histogram;
  readonly storagePoints: Gauge;

  constructor(register: Registry) {
    const registers = [register];
    this.requestDuration = new Histogram({
      name: 'metrics_server_kubelet_request_duration_seconds',
      help: 'Duration of requests to Kubelet API in seconds',
      labelNames: ['node'],
      registers,
    });
    this.requests = new Counter({
      name: 'metrics_server_kubelet_request_total',
      help: 'Number of requests sent to Kubelet API',
      labelNames: ['success'],
      registers,
    });
    this.lastRequest = new Gauge({
      name: 'metrics_server_kubelet_last_request_time_seconds',
      help: 'Time of last request performed to Kubelet API since unix epoch in seconds',
      labelNames: ['node'],
      registers,
    });
    this.tickDuration = new Histogram({
      name: 'metrics_server_manager_tick_duration_seconds',
      help: 'The total time spent collecting and storing metrics in seconds.',
      registers,
    });
    this.storagePoints = new Gauge({
      name: 'metrics_server_storage_points',
      help: 'Number of metrics points stored.',
      labelNames: ['type'],
      registers,
    });
  }
}
