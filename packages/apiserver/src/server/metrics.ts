import { Counter, Gauge, Histogram, type Registry } from '@kubelab/component-base';
import type { RequestInfo } from '../request-info.js';

const labels = ['verb', 'group', 'version', 'resource', 'subresource', 'scope', 'component'] as const;
type Labels = Record<(typeof labels)[number], string>;

/** Paths that are counted by themselves; all others together, so that the number of series stays bounded. */
const knownPath = /^\/(?:healthz|livez|readyz|metrics|version|api|apis|openapi\/v[23])(?=\/|$)/;
const knownVerbs = new Set(['get', 'list', 'watch', 'create', 'update', 'patch', 'delete', 'deletecollection']);

interface Series {
  labels: Labels;
  counts: Map<number, { inc(): void }>;
  duration: { observe(seconds: number): void };
}

/** The API server's request metrics, by Kubernetes' names and labels. */
export class RequestMetrics {
  private readonly total: Counter;
  private readonly duration: Histogram;
  readonly inflight: Gauge;
  readonly longRunning: Gauge;
  private readonly deprecatedApis: Gauge;
  /** Looking a series up by its labels costs much of what a small request does: they are kept by a key. */
  private readonly series = new Map<string, Series>();

  /** @param isServed whether a resource exists: others are not counted by their name */
  constructor(
    registry: Registry,
    private readonly isServed: (info: RequestInfo) => boolean,
  ) {
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
    this.deprecatedApis = new Gauge({
      name: 'apiserver_requested_deprecated_apis',
      help: 'Gauge of deprecated APIs that have been requested, broken out by API group, version, resource, subresource, and removed_release.',
      labelNames: ['group', 'version', 'resource', 'subresource', 'removed_release'],
      registers: [registry],
    });
  }

  /** Notes that somebody still uses what the warning is about. */
  deprecated(info: RequestInfo, warning: string): void {
    this.deprecatedApis.set(
      {
        group: info.apiGroup,
        version: info.apiVersion,
        resource: info.resource,
        subresource: info.subresource,
        removed_release: /unavailable in v(1\.\d+)\+/.exec(warning)?.[1] ?? '',
      },
      1,
    );
  }

  /** Counts a request that has been answered. */
  observe(info: RequestInfo, code: number, seconds: number): void {
    const series = this.seriesOf(info);
    let count = series.counts.get(code);
    if (!count) {
      count = this.total.labels({ ...series.labels, code: String(code) });
      series.counts.set(code, count);
    }
    count.inc();
    series.duration.observe(seconds);
  }

  labelsOf(info: RequestInfo): Labels {
    return this.seriesOf(info).labels;
  }

  private seriesOf(info: RequestInfo): Series {
    const scope = info.name ? 'resource' : info.namespace ? 'namespace' : 'cluster';
    const key = info.isResourceRequest
      ? `${info.verb} ${info.apiGroup}/${info.apiVersion}/${info.resource}/${info.subresource} ${scope}`
      : `${info.verb} ${knownPath.exec(info.path)?.[0] ?? ''}`;
    let series = this.series.get(key);
    if (!series) {
      const values = this.values(info, scope);
      series = { labels: values, counts: new Map(), duration: this.duration.labels(values) };
      // What is not served is not kept by its key either: a client could make up any number of them.
      if (values.resource !== '' || !info.isResourceRequest) this.series.set(key, series);
    }
    return series;
  }

  private values(info: RequestInfo, scope: string): Labels {
    const verb = knownVerbs.has(info.verb) ? info.verb.toUpperCase() : 'OTHER';
    if (!info.isResourceRequest || !this.isServed(info)) {
      const subresource = info.isResourceRequest ? '' : (knownPath.exec(info.path)?.[0] ?? '');
      return { verb, group: '', version: '', resource: '', subresource, scope: '', component: 'apiserver' };
    }
    return {
      verb,
      group: info.apiGroup,
      version: info.apiVersion,
      resource: info.resource,
      subresource: info.subresource,
      scope,
      component: 'apiserver',
    };
  }
}
