import { Counter, Gauge, Histogram, type Registry } from '@kubelab/component-base';
import type { RequestInfo } from '../request-info.js';

const labels = ['verb', 'group', 'version', 'resource', 'subresource', 'scope', 'component'] as const;

/** The API server's request metrics, by Kubernetes' names and labels. */
export class RequestMetrics {
  private readonly total: Counter;
  private readonly duration: Histogram;
  readonly inflight: Gauge;
  readonly longRunning: Gauge;

  constructor(registry: Registry) {
    this.total = new Counter({
      name: 'apiserver_request_total',
      help: 'Counter of apiserver requests broken out for each verb, group, version, resource, scope, component, and HTTP response code.',
      labelNames: [...labels, 'code'],
      registers: [registry],
    });
    this.duration = new Histogram({
      name: 'apiserver_request_duration_seconds',
      help: 'Response latency distribution in seconds for each verb, group, version, resource, subresource, scope and component.',
      labelNames: labels,
      buckets: [0.005, 0.025, 0.05, 0.1, 0.2, 0.4, 0.6, 0.8, 1, 1.25, 1.5, 2, 3, 4, 5, 6, 8, 10, 15, 20, 30, 45, 60],
      registers: [registry],
    });
    this.inflight = new Gauge({
      name: 'apiserver_current_inflight_requests',
      help: 'Maximal number of currently used inflight request limit of this apiserver per request kind in last second.',
      labelNames: ['request_kind'],
      registers: [registry],
    });
    this.longRunning = new Gauge({
      name: 'apiserver_longrunning_requests',
      help: 'Gauge of all active long-running apiserver requests broken out by verb, group, version, resource, scope and component.',
      labelNames: labels,
      registers: [registry],
    });
  }

  /** Counts a request that has been answered. */
  observe(info: RequestInfo, code: number, seconds: number): void {
    const values = this.labelsOf(info);
    this.total.inc({ ...values, code: String(code) });
    this.duration.observe(values, seconds);
  }

  labelsOf(info: RequestInfo): Record<(typeof labels)[number], string> {
    return {
      verb: info.verb.toUpperCase(),
      group: info.apiGroup,
      version: info.apiVersion,
      resource: info.resource,
      subresource: info.isResourceRequest ? info.subresource : info.path.slice(0, 64),
      scope: !info.isResourceRequest ? '' : info.name ? 'resource' : info.namespace ? 'namespace' : 'cluster',
      component: 'apiserver',
    };
  }
}
