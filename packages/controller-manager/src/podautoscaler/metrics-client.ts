import { parseDuration, Quantity } from '@kubelab/apimachinery';
import type { Client } from '@kubelab/client';
import type { PodMetric } from './replicas.js';

interface PodMetricsList {
  items: {
    metadata: { name: string };
    timestamp: string;
    window?: string;
    containers: { name: string; usage: Record<string, string> }[];
  }[];
}

interface MetricValueList {
  items: { describedObject?: { name: string }; timestamp?: string; value: string }[];
}

const defaultWindowMs = 60_000;

/** Reads the three metrics APIs, which extension servers serve (metrics-server, custom metrics adapters). */
export class MetricsClient {
  constructor(private readonly client: Client) {}

  /** Usage of a resource by pod, or by one container of each. Pods without a full sample are left out. */
  async podResource(
    namespace: string,
    labelSelector: string,
    resource: string,
    container?: string,
  ): Promise<Map<string, PodMetric>> {
    const path = `/apis/metrics.k8s.io/v1beta1/namespaces/${namespace}/pods`;
    const list = await this.client.request<PodMetricsList>('GET', path, { query: { labelSelector } });
    const metrics = new Map<string, PodMetric>();
    for (const item of list.items) {
      const containers = item.containers.filter(({ name }) => container === undefined || name === container);
      const usages = containers.map(({ usage }) => usage[resource]);
      if (usages.length === 0 || usages.some((usage) => usage === undefined)) continue;
      const milli = usages.reduce((sum, usage) => sum + Number(Quantity.parse(usage ?? '0').milliValue()), 0);
      const windowMs = item.window === undefined ? defaultWindowMs : parseDuration(item.window);
      metrics.set(item.metadata.name, { milli, timestampMs: Date.parse(item.timestamp), windowMs });
    }
    if (metrics.size === 0) throw new Error('no metrics returned from resource metrics API');
    return metrics;
  }

  /** A custom metric of each pod. */
  async podCustom(
    namespace: string,
    metric: string,
    labelSelector: string,
    metricLabelSelector: string,
  ): Promise<Map<string, PodMetric>> {
    const path = `/apis/custom.metrics.k8s.io/v1beta1/namespaces/${namespace}/pods/*/${metric}`;
    const list = await this.client.request<MetricValueList>('GET', path, {
      query: { labelSelector, metricLabelSelector },
    });
    const entries = list.items.map(({ describedObject, timestamp, value }): [string, PodMetric] => [
      describedObject?.name ?? '',
      {
        milli: Number(Quantity.parse(value).milliValue()),
        timestampMs: Date.parse(timestamp ?? ''),
        windowMs: defaultWindowMs,
      },
    ]);
    if (entries.length === 0) throw new Error('no metrics returned from custom metrics API');
    return new Map(entries);
  }

  /** A custom metric of one object, in milli-units. */
  async object(
    namespace: string,
    resource: string,
    name: string,
    metric: string,
    metricLabelSelector: string,
  ): Promise<number> {
    const path = `/apis/custom.metrics.k8s.io/v1beta1/namespaces/${namespace}/${resource}/${name}/${metric}`;
    const list = await this.client.request<MetricValueList>('GET', path, { query: { metricLabelSelector } });
    const [first] = list.items;
    if (!first) throw new Error('no metrics returned from custom metrics API');
    return Number(Quantity.parse(first.value).milliValue());
  }

  /** The sum of an external metric's series, in milli-units. */
  async external(namespace: string, metric: string, labelSelector: string): Promise<number> {
    const path = `/apis/external.metrics.k8s.io/v1beta1/namespaces/${namespace}/${metric}`;
    const list = await this.client.request<MetricValueList>('GET', path, { query: { labelSelector } });
    if (list.items.length === 0) throw new Error('no metrics returned from external metrics API');
    return list.items.reduce((sum, { value }) => sum + Number(Quantity.parse(value).milliValue()), 0);
  }
}
