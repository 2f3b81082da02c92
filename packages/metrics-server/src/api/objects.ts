import { formatDuration, nowSecond, Quantity } from '@kubelab/apimachinery';
import type { Usage } from '../storage/point.js';
import { group, version } from './request-info.js';

const apiVersion = `${group}/${version}`;

/** Labels and name of what is measured. */
export interface Measured {
  name: string;
  namespace?: string;
  labels?: Record<string, string>;
}

interface MetricsObject {
  kind: string;
  apiVersion: string;
  metadata: Measured & { creationTimestamp: string };
  timestamp: string;
  window: string;
}
export interface NodeMetrics extends MetricsObject {
  usage: ResourceUsage;
}
export interface PodMetrics extends MetricsObject {
  containers: { name: string; usage: ResourceUsage }[];
}
export interface ResourceUsage {
  cpu: string;
  memory: string;
}

export function nodeMetrics(node: Measured, usage: Usage): NodeMetrics {
  return { ...base('NodeMetrics', node, usage), usage: quantities(usage) };
}

/** The pod's time is that of the oldest of its containers' points. */
export function podMetrics(pod: Measured, usages: Map<string, Usage>): PodMetrics | undefined {
  const [oldest] = [...usages.values()].sort((a, b) => a.timestampMs - b.timestampMs);
  if (!oldest) return undefined;
  const containers = [...usages].map(([name, usage]) => ({ name, usage: quantities(usage) }));
  return { ...base('PodMetrics', pod, oldest), containers };
}

function base(kind: string, of: Measured, usage: Usage): MetricsObject {
  return {
    kind,
    apiVersion,
    metadata: { ...of, creationTimestamp: nowSecond() },
    timestamp: nowSecond(new Date(usage.timestampMs)),
    window: formatDuration(usage.windowMs),
  };
}

function quantities({ cpuNanoCores, memoryBytes }: Usage): ResourceUsage {
  return {
    cpu: Quantity.parse(`${cpuNanoCores}n`).toString(),
    memory: Quantity.parse(`${Math.ceil(memoryBytes / 1024)}Ki`).toString(),
  };
}
