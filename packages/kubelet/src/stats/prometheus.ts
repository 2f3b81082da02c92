import type { UsageSnapshot } from './collector.js';

type Labels = Record<string, string>;

const quoteValue = (text: string) => text.replace(/[\\"\n]/g, (char) => (char === '\n' ? '\\n' : `\\${char}`));

/** Collects samples of the Prometheus text format, grouped by metric. */
class Text {
  private readonly families = new Map<string, string[]>();

  add(name: string, kind: 'counter' | 'gauge', help: string, labels: Labels, value: number, at?: number): void {
    const lines = this.families.get(name) ?? [`# HELP ${name} ${help}`, `# TYPE ${name} ${kind}`];
    const pairs = Object.entries(labels).map(([key, text]) => `${key}="${quoteValue(text)}"`);
    lines.push(`${name}${pairs.length > 0 ? `{${pairs.join(',')}}` : ''} ${value}${at === undefined ? '' : ` ${at}`}`);
    this.families.set(name, lines);
  }

  toString(): string {
    return `${[...this.families.values()].flat().join('\n')}\n`;
  }
}

/** /metrics/resource: what autoscalers and `kubectl top` read. */
export function resourceMetrics(usage: UsageSnapshot, startTimes: Map<string, number>): string {
  const text = new Text();
  for (const pod of usage.pods) {
    const labels = { namespace: pod.namespace, pod: pod.name };
    for (const item of pod.containers) {
      const own = { container: item.name, ...labels };
      const seconds = item.cpu.coreNanoSeconds / 1e9;
      text.add(
        'container_cpu_usage_seconds_total',
        'counter',
        '[STABLE] Cumulative cpu time consumed by the container in core-seconds',
        own,
        seconds,
        item.cpu.time,
      );
      text.add(
        'container_memory_working_set_bytes',
        'gauge',
        '[STABLE] Current working set of the container in bytes',
        own,
        item.memory.workingSetBytes,
        item.memory.time,
      );
      const started = startTimes.get(item.id);
      if (started)
        text.add(
          'container_start_time_seconds',
          'gauge',
          '[STABLE] Start time of the container since unix epoch in seconds',
          own,
          started / 1000,
        );
    }
    text.add(
      'pod_cpu_usage_seconds_total',
      'counter',
      '[STABLE] Cumulative cpu time consumed by the pod in core-seconds',
      labels,
      pod.cpu.coreNanoSeconds / 1e9,
      pod.cpu.time,
    );
    text.add(
      'pod_memory_working_set_bytes',
      'gauge',
      '[STABLE] Current working set of the pod in bytes',
      labels,
      pod.memory.workingSetBytes,
      pod.memory.time,
    );
  }
  const { node } = usage;
  text.add(
    'node_cpu_usage_seconds_total',
    'counter',
    '[STABLE] Cumulative cpu time consumed by the node in core-seconds',
    {},
    node.cpuNanos / 1e9,
    node.time,
  );
  text.add(
    'node_memory_working_set_bytes',
    'gauge',
    '[STABLE] Current working set of the node in bytes',
    {},
    node.memory.workingSetBytes,
    node.time,
  );
  text.add(
    'resource_scrape_error',
    'gauge',
    '[STABLE] 1 if there was an error while getting container metrics, 0 otherwise',
    {},
    0,
  );
  return text.toString();
}

/** /metrics/cadvisor: the container metrics dashboards know, from the runtime's own statistics. */
export function cadvisorMetrics(usage: UsageSnapshot, images: Map<string, string>): string {
  const text = new Text();
  for (const pod of usage.pods) {
    const base = { namespace: pod.namespace, pod: pod.name };
    for (const item of pod.containers) {
      const labels = { container: item.name, id: item.id, image: images.get(item.id) ?? '', name: item.id, ...base };
      const gauge = (name: string, help: string, value: number) =>
        text.add(name, 'gauge', help, labels, value, item.memory.time);
      text.add(
        'container_cpu_usage_seconds_total',
        'counter',
        'Cumulative cpu time consumed in seconds.',
        { ...labels, cpu: 'total' },
        item.cpu.coreNanoSeconds / 1e9,
        item.cpu.time,
      );
      gauge(
        'container_memory_usage_bytes',
        'Current memory usage in bytes, including all memory regardless of when it was accessed',
        item.memory.usageBytes,
      );
      gauge('container_memory_working_set_bytes', 'Current working set in bytes.', item.memory.workingSetBytes);
      gauge('container_memory_rss', 'Size of RSS in bytes.', item.memory.rssBytes);
      gauge(
        'container_fs_usage_bytes',
        'Number of bytes that are consumed by the container on this filesystem.',
        item.rootfs.usedBytes,
      );
    }
    const sandbox = { container: '', id: pod.sandboxId, image: '', name: pod.sandboxId, ...base };
    for (const entry of pod.network) {
      const labels = { ...sandbox, interface: entry.name };
      const counter = (name: string, help: string, value: number) =>
        text.add(name, 'counter', help, labels, value, pod.networkTime);
      counter('container_network_receive_bytes_total', 'Cumulative count of bytes received', entry.rxBytes);
      counter(
        'container_network_receive_errors_total',
        'Cumulative count of errors encountered while receiving',
        entry.rxErrors,
      );
      counter('container_network_transmit_bytes_total', 'Cumulative count of bytes transmitted', entry.txBytes);
      counter(
        'container_network_transmit_errors_total',
        'Cumulative count of errors encountered while transmitting',
        entry.txErrors,
      );
    }
    text.add(
      'container_processes',
      'gauge',
      'Number of processes running inside the container.',
      sandbox,
      pod.processes,
    );
  }
  text.add(
    'machine_memory_bytes',
    'gauge',
    'Amount of memory installed on the machine.',
    {},
    usage.node.memory.totalBytes,
  );
  return text.toString();
}
