import assert from 'node:assert/strict';
import { test } from 'node:test';
import { parseResourceMetrics } from './resource-metrics.js';

const text = `# HELP container_cpu_usage_seconds_total [STABLE] Cumulative cpu time consumed by the container in core-seconds
# TYPE container_cpu_usage_seconds_total counter
container_cpu_usage_seconds_total{container="a",namespace="ns",pod="p"} 4.710169 1633253812125
container_cpu_usage_seconds_total{container="gone",namespace="ns",pod="p"} 9 1633253812125
container_memory_working_set_bytes{container="a",namespace="ns",pod="p"} 1.253376e+07 1633253812125
container_memory_working_set_bytes{container="gone",namespace="ns",pod="p"} 0 1633253812125
container_start_time_seconds{container="a",namespace="ns",pod="p"} 1.633252712361e+09
node_cpu_usage_seconds_total 357.35491 1633253809720
node_memory_working_set_bytes 1.616273408e+09 1633253809720
pod_cpu_usage_seconds_total{namespace="ns",pod="p"} 5 1633253812125
resource_scrape_error 0
scrape_error NaN
`;

test('the points of a node and its containers', () => {
  const batch = parseResourceMetrics('n', text, 5);
  assert.deepEqual(batch.node, { cpuSeconds: 357.35491, timestampMs: 1633253809720, memoryBytes: 1616273408 });
  assert.deepEqual([...batch.pods.keys()], ['ns/p']);
  assert.deepEqual(Object.fromEntries(batch.pods.get('ns/p') ?? []), {
    a: { cpuSeconds: 4.710169, timestampMs: 1633253812125, memoryBytes: 12533760, startMs: 1633252712361 },
  });
});

test('samples without a time are of the time of asking; text that is no metric says nothing', () => {
  const batch = parseResourceMetrics('n', 'node_cpu_usage_seconds_total 1\nnode_memory_working_set_bytes 2\n<html>', 5);
  assert.deepEqual(batch.node, { cpuSeconds: 1, memoryBytes: 2, timestampMs: 5 });
  assert.deepEqual(parseResourceMetrics('n', '{}', 5), { nodeName: 'n', pods: new Map() });
});
