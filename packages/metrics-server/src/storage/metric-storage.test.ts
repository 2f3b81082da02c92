import assert from 'node:assert/strict';
import { test } from 'node:test';
import { MetricStorage } from './metric-storage.js';
import type { NodeBatch, Point } from './point.js';

const resolutionMs = 15_000;
const point = (seconds: number, cpuSeconds: number, startSeconds?: number): Point => ({
  timestampMs: seconds * 1000,
  cpuSeconds,
  memoryBytes: 1024,
  ...(startSeconds === undefined ? {} : { startMs: startSeconds * 1000 }),
});
const batch = (node: Point, containers: Record<string, Point> = {}): NodeBatch[] => [
  { nodeName: 'n', node, pods: new Map([['ns/p', new Map(Object.entries(containers))]]) },
];

test('usage needs two points', () => {
  const storage = new MetricStorage(resolutionMs);
  storage.store(batch(point(100, 10)));
  assert.equal(storage.node('n'), undefined);
  assert.equal(storage.ready, false);
  storage.store(batch(point(110, 15)));
  assert.deepEqual(storage.node('n'), {
    timestampMs: 110_000,
    windowMs: 10_000,
    cpuNanoCores: 5e8,
    memoryBytes: 1024,
  });
  assert.equal(storage.ready, true);
});

test('a point that is told twice leaves the usage as it is', () => {
  const storage = new MetricStorage(resolutionMs);
  for (const p of [point(100, 10), point(110, 15), point(110, 15)]) storage.store(batch(p));
  assert.equal(storage.node('n')?.windowMs, 10_000);
});

test('a pod counts only when all of its containers do', () => {
  const storage = new MetricStorage(resolutionMs);
  storage.store(batch(point(100, 1), { a: point(100, 1, 1) }));
  storage.store(batch(point(115, 1), { a: point(115, 2, 1), b: point(115, 1, 110) }));
  assert.equal(storage.pod('ns/p'), undefined);
  storage.store(batch(point(130, 1), { a: point(130, 3, 1), b: point(130, 2, 110) }));
  assert.deepEqual([...(storage.pod('ns/p')?.keys() ?? [])], ['a', 'b']);
});

test('a container that has just started is measured from its start', () => {
  const storage = new MetricStorage(resolutionMs);
  storage.store(batch(point(112, 1), { a: point(112, 6, 100) }));
  assert.equal(storage.pod('ns/p')?.get('a')?.cpuNanoCores, 5e8);
});

test('a container that was started anew is not measured from the counter of the one before', () => {
  const storage = new MetricStorage(resolutionMs);
  storage.store(batch(point(100, 1), { a: point(100, 50, 1) }));
  storage.store(batch(point(115, 1), { a: point(115, 1, 110) }));
  assert.equal(storage.pod('ns/p'), undefined);
});

test('what is not told any more is forgotten', () => {
  const storage = new MetricStorage(resolutionMs);
  storage.store(batch(point(100, 1)));
  storage.store([]);
  assert.equal(storage.nodeCount, 0);
});
