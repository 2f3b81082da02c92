import type { NodeBatch, Point } from '../storage/point.js';

const sample = /^([a-z_]+)(?:\{(.*)\})?\s+(\S+)(?:\s+(-?\d+))?\s*$/;
const label = /([a-z_]+)="((?:[^"\\]|\\.)*)"/g;

/**
 * Reads a kubelet's /metrics/resource (Prometheus text format) into the points of the node and its containers. Samples
 * without a time of their own are of `nowMs`. Containers whose CPU or memory is missing are left out.
 */
export function parseResourceMetrics(nodeName: string, text: string, nowMs: number): NodeBatch {
  const node: Partial<Point> = {};
  const containers = new Map<string, { pod: string; container: string; point: Partial<Point> }>();
  for (const line of text.split('\n')) {
    const match = line.startsWith('#') ? null : sample.exec(line);
    if (!match) continue;
    const [, name = '', labels = '', valueText, at] = match;
    const value = Number(valueText);
    if (!Number.isFinite(value)) continue;
    const timestampMs = at === undefined ? nowMs : Number(at);
    const take = (point: Partial<Point>): void => apply(point, name, value, timestampMs);
    if (name.startsWith('node_')) {
      take(node);
    } else if (name.startsWith('container_')) {
      const { namespace, pod, container } = readLabels(labels);
      if (!namespace || !pod || !container) continue;
      const key = `${namespace}/${pod}/${container}`;
      const entry = containers.get(key) ?? { pod: `${namespace}/${pod}`, container, point: {} };
      containers.set(key, entry);
      take(entry.point);
    }
  }
  const batch: NodeBatch = { nodeName, pods: new Map() };
  if (isWhole(node)) batch.node = node;
  for (const { pod, container, point } of containers.values()) {
    if (!isWhole(point)) continue;
    const points = batch.pods.get(pod) ?? new Map<string, Point>();
    batch.pods.set(pod, points.set(container, point));
  }
  return batch;
}

function apply(point: Partial<Point>, name: string, value: number, timestampMs: number): void {
  if (name.endsWith('_cpu_usage_seconds_total')) {
    point.cpuSeconds = value;
    point.timestampMs = timestampMs;
  } else if (name.endsWith('_memory_working_set_bytes')) {
    point.memoryBytes = value;
    point.timestampMs ??= timestampMs;
  } else if (name.endsWith('_start_time_seconds')) {
    point.startMs = Math.round(value * 1000);
  }
}

/** No memory in use means that the container is gone and only its counters are left. */
function isWhole(point: Partial<Point>): point is Point {
  return point.cpuSeconds !== undefined && point.timestampMs !== undefined && (point.memoryBytes ?? 0) > 0;
}

function readLabels(text: string): Record<string, string> {
  const labels: Record<string, string> = {};
  for (const [, name = '', value = ''] of text.matchAll(label)) {
    labels[name] = value.replace(/\\(.)/g, (_, c: string) => (c === 'n' ? '\n' : c));
  }
  return labels;
}
