import type { V1Node, V1Pod } from '@kubelab/api';
import {
  everyField,
  everything,
  newBadRequest,
  newMethodNotSupported,
  newNotFound,
  newPathNotFound,
  parseFieldSelector,
  parseLabelSelector,
} from '@kubelab/apimachinery';
import type { Lister } from '@kubelab/client';
import type { MetricStorage } from '../storage/metric-storage.js';
import { type Measured, type NodeMetrics, nodeMetrics, type PodMetrics, podMetrics } from './objects.js';
import { group, type ResourceRequest, version } from './request-info.js';

export interface MetricsApiOptions {
  storage: MetricStorage;
  nodes: Lister<V1Node>;
  /** Running pods. */
  pods: Lister<V1Pod>;
}

export type Answer = { item: NodeMetrics | PodMetrics } | { kind: string; items: (NodeMetrics | PodMetrics)[] };

interface Measurable {
  metadata?: { name?: string; namespace?: string; labels?: Record<string, string> };
}

/** The resource metrics API: usage of the nodes and pods that exist now. */
export class MetricsApi {
  constructor(private readonly o: MetricsApiOptions) {}

  /** @throws StatusError for what is not there or cannot be done */
  answer(request: ResourceRequest): Answer {
    const { resource, verb, name, namespace } = request;
    const isNodes = resource === 'nodes' && namespace === undefined;
    if (!isNodes && resource !== 'pods') throw newPathNotFound();
    if (verb !== 'get' && verb !== 'list') throw newMethodNotSupported({ group, resource }, verb);
    if (verb === 'list') {
      const objects: Measurable[] = isNodes ? this.o.nodes.list() : this.o.pods.list(namespace);
      const matches = matcher(request.query);
      const items = objects
        .filter(matches)
        .flatMap((object) => (isNodes ? this.node(object) : this.pod(object)) ?? [])
        .sort((a, b) => compare(a.metadata, b.metadata));
      return { kind: isNodes ? 'NodeMetricsList' : 'PodMetricsList', items };
    }
    const object: Measurable | undefined = isNodes
      ? this.o.nodes.get(undefined, name ?? '')
      : this.o.pods.get(namespace ?? '', name ?? '');
    const item = object && (isNodes ? this.node(object) : this.pod(object));
    if (!item) throw newNotFound({ group, resource }, isNodes ? (name ?? '') : `${namespace}/${name}`);
    return { item };
  }

  private node(node: Measurable): NodeMetrics | undefined {
    const usage = this.o.storage.node(node.metadata?.name ?? '');
    return usage && nodeMetrics(measured(node), usage);
  }

  private pod(pod: Measurable): PodMetrics | undefined {
    const usages = this.o.storage.pod(`${pod.metadata?.namespace}/${pod.metadata?.name}`);
    return usages && podMetrics(measured(pod), usages);
  }
}

/** The list's body; its version says nothing, for metrics are not stored. */
export function listBody(kind: string, items: (NodeMetrics | PodMetrics)[]): object {
  const untyped = items.map(({ kind: _kind, apiVersion: _apiVersion, ...item }) => item);
  return { kind, apiVersion: `${group}/${version}`, metadata: {}, items: untyped };
}

function measured({ metadata }: Measurable): Measured {
  const { name = '', namespace, labels } = metadata ?? {};
  return { name, ...(namespace ? { namespace } : {}), ...(labels ? { labels } : {}) };
}

function matcher(query: URLSearchParams): (object: Measurable) => boolean {
  const labelText = query.get('labelSelector');
  const fieldText = query.get('fieldSelector');
  try {
    const labels = labelText ? parseLabelSelector(labelText) : everything;
    const fields = fieldText ? parseFieldSelector(fieldText) : everyField;
    return ({ metadata }) =>
      labels.matches(metadata?.labels ?? {}) &&
      fields.matches({ 'metadata.name': metadata?.name ?? '', 'metadata.namespace': metadata?.namespace ?? '' });
  } catch (error) {
    throw newBadRequest((error as Error).message);
  }
}

function compare(a: Measured, b: Measured): number {
  const [x, y] = [`${a.namespace}/${a.name}`, `${b.namespace}/${b.name}`];
  return x < y ? -1 : x > y ? 1 : 0;
}
