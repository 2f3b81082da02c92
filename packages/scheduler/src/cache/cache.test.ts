import assert from 'node:assert/strict';
import { test } from 'node:test';
import { PodInfo } from '../framework/pod-info.js';
import { aNode, aPod } from '../testing/objects.js';
import { Cache } from './cache.js';

const cpu = (cache: Cache, node: string) => cache.updateSnapshot().get(node)?.requested.milliCpu;
const info = (name: string, o: Parameters<typeof aPod>[1] = {}) =>
  new PodInfo(aPod(name, { requests: { cpu: '1' }, ...o }));

test('an assumed pod takes space until it is confirmed or forgotten', () => {
  const cache = new Cache();
  cache.setNode(aNode('n'));
  const pod = info('p');
  cache.assume(pod, 'n');
  assert.deepEqual([cpu(cache, 'n'), cache.isAssumed(pod.key), cache.assumedCount], [1000, true, 1]);
  cache.forget(pod);
  assert.deepEqual([cpu(cache, 'n'), cache.podCount], [0, 0]);
  cache.assume(pod, 'n');
  cache.setPod(new PodInfo(pod.pod), 'n');
  assert.equal(cache.isAssumed(pod.key), false);
  // Too late: the API server has it there.
  cache.forget(pod);
  assert.equal(cpu(cache, 'n'), 1000);
});

test('a pod that the API server has elsewhere moves', () => {
  const cache = new Cache();
  for (const n of ['a', 'b']) cache.setNode(aNode(n));
  const pod = info('p');
  cache.assume(pod, 'a');
  cache.setPod(pod, 'b');
  assert.deepEqual([cpu(cache, 'a'), cpu(cache, 'b')], [0, 1000]);
});

test("an earlier pod's late deletion or failure does not touch a later one of the same name", () => {
  const cache = new Cache();
  cache.setNode(aNode('n'));
  const earlier = info('p');
  const later = info('p');
  cache.assume(later, 'n');
  cache.forget(earlier);
  cache.removePod('default/p', earlier.uid);
  assert.equal(cpu(cache, 'n'), 1000);
  cache.removePod('default/p', later.uid);
  assert.equal(cpu(cache, 'n'), 0);
});

test('a snapshot copies only what changed, and old ones keep their numbers', () => {
  const cache = new Cache();
  for (const n of ['a', 'b']) cache.setNode(aNode(n));
  const before = [...cache.updateSnapshot().nodes];
  cache.assume(info('p'), 'a');
  const after = cache.updateSnapshot().nodes;
  assert.deepEqual(
    after.map((n, i) => n === before[i]),
    [false, true],
  );
  assert.deepEqual([before[0]?.requested.milliCpu, after[0]?.requested.milliCpu], [0, 1000]);
});

test('lists of pods with affinity follow', () => {
  const cache = new Cache();
  cache.setNode(aNode('a'));
  const term = { topologyKey: 'kubernetes.io/hostname', labelSelector: {} };
  const spec = { affinity: { podAntiAffinity: { requiredDuringSchedulingIgnoredDuringExecution: [term] } } };
  const pod = info('p', { spec });
  const lists = () => {
    const s = cache.updateSnapshot();
    return [s.withAffinity.length, s.withRequiredAntiAffinity.length];
  };
  assert.deepEqual(lists(), [0, 0]);
  cache.assume(pod, 'a');
  assert.deepEqual(lists(), [1, 1]);
  cache.forget(pod);
  assert.deepEqual(lists(), [0, 0]);
});

test('nodes come zone by zone in turn, and go with their last pod', () => {
  const cache = new Cache();
  const zone = (z: string) => ({ labels: { 'topology.kubernetes.io/zone': z } });
  for (const [n, z] of [
    ['a1', 'a'],
    ['a2', 'a'],
    ['a3', 'a'],
    ['b1', 'b'],
  ] as const)
    cache.setNode(aNode(n, zone(z)));
  const names = () => cache.updateSnapshot().nodes.map((n) => n.name);
  assert.deepEqual(names(), ['a1', 'b1', 'a2', 'a3']);
  cache.setPod(info('p'), 'a1');
  cache.removeNode('a1');
  assert.deepEqual(names(), ['a2', 'b1', 'a3']);
  // It comes back with the pod that never went.
  cache.setNode(aNode('a1', zone('a')));
  assert.equal(cpu(cache, 'a1'), 1000);
});

test('images are counted by node', () => {
  const cache = new Cache();
  const images = [{ names: ['x:1', 'x@sha256:0'], sizeBytes: 1 }];
  cache.setNode(aNode('a', { images }));
  cache.setNode(aNode('b', { images }));
  assert.equal(cache.updateSnapshot().nodesWithImage('x:1'), 2);
  cache.setNode(aNode('a'));
  assert.equal(cache.updateSnapshot().nodesWithImage('x:1'), 1);
  cache.removeNode('b');
  assert.equal(cache.updateSnapshot().nodesWithImage('x:1'), 0);
});
