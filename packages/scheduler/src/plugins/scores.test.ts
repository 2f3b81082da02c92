import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { NodeResourcesFitArgs } from '../config/types.js';
import { Harness } from '../testing/harness.js';
import { aNode, aPod } from '../testing/objects.js';

const nodes = [aNode('a'), aNode('b', { allocatable: { cpu: '8', memory: '8Gi' } })];
const pods = [aPod('x', { node: 'a', requests: { cpu: '1', memory: '2Gi' } })];
const pod = aPod('p', { requests: { cpu: '1', memory: '2Gi' } });
const both = [
  { name: 'cpu', weight: 1 },
  { name: 'memory', weight: 1 },
];

const fitCases: [string, NodeResourcesFitArgs['scoringStrategy'], Record<string, number>][] = [
  // a: cpu (4-2)/4, memory (8-4)/8; b: cpu 7/8, memory 6/8.
  ['LeastAllocated', { type: 'LeastAllocated', resources: both }, { a: 50, b: 81 }],
  ['MostAllocated', { type: 'MostAllocated', resources: both }, { a: 50, b: 18 }],
  [
    'weights',
    {
      type: 'LeastAllocated',
      resources: [
        { name: 'cpu', weight: 3 },
        { name: 'memory', weight: 1 },
      ],
    },
    { a: 50, b: 84 },
  ],
  [
    'RequestedToCapacityRatio, fuller is better',
    {
      type: 'RequestedToCapacityRatio',
      resources: both,
      requestedToCapacityRatio: {
        shape: [
          { utilization: 0, score: 0 },
          { utilization: 100, score: 10 },
        ],
      },
    },
    { a: 50, b: 19 },
  ],
  [
    'RequestedToCapacityRatio, emptier is better',
    {
      type: 'RequestedToCapacityRatio',
      resources: both,
      requestedToCapacityRatio: {
        shape: [
          { utilization: 0, score: 10 },
          { utilization: 100, score: 0 },
        ],
      },
    },
    { a: 50, b: 82 },
  ],
];
for (const [what, scoringStrategy, expected] of fitCases) {
  test(`NodeResourcesFit scores: ${what}`, () => {
    const h = new Harness({ nodes, pods, args: { NodeResourcesFit: { scoringStrategy } } });
    assert.deepEqual(h.scores('NodeResourcesFit', pod), expected);
  });
}

test('containers without requests count with 100m and 200 MiB, for every strategy', () => {
  const one = [aNode('a', { allocatable: { cpu: '1', memory: '2000Mi' } })];
  const shape = [
    { utilization: 0, score: 0 },
    { utilization: 100, score: 10 },
  ];
  for (const type of ['MostAllocated', 'RequestedToCapacityRatio'] as const) {
    const scoringStrategy = { type, resources: both, requestedToCapacityRatio: { shape } };
    const h = new Harness({ nodes: one, args: { NodeResourcesFit: { scoringStrategy } } });
    assert.deepEqual(h.scores('NodeResourcesFit', aPod('p')), { a: 10 }, type);
  }
});

test('NodeResourcesBalancedAllocation prefers even use and leaves best-effort pods alone', () => {
  const h = new Harness({ nodes, pods });
  // a: cpu 2/4, memory 4/8: even. b: cpu 1/8, memory 2/8: deviation 1/16.
  assert.deepEqual(h.scores('NodeResourcesBalancedAllocation', pod), { a: 100, b: 93 });
  assert.equal(h.scores('NodeResourcesBalancedAllocation', aPod('q')), undefined);
});

test('TaintToleration counts untolerated PreferNoSchedule taints', () => {
  const soft = (key: string) => ({ key, effect: 'PreferNoSchedule' });
  const h = new Harness({
    nodes: [aNode('a', { taints: [soft('x'), soft('y')] }), aNode('b', { taints: [soft('x')] }), aNode('c')],
  });
  assert.deepEqual(h.scores('TaintToleration', aPod('p')), { a: 0, b: 50, c: 100 });
  const tolerant = aPod('p', { spec: { tolerations: [{ key: 'y', operator: 'Exists', effect: 'PreferNoSchedule' }] } });
  assert.deepEqual(h.scores('TaintToleration', tolerant), { a: 0, b: 0, c: 100 });
});

test('NodeAffinity adds the weights of the preferences that match', () => {
  const prefer = (weight: number, key: string) => ({
    weight,
    preference: { matchExpressions: [{ key, operator: 'Exists' }] },
  });
  const spec = {
    affinity: { nodeAffinity: { preferredDuringSchedulingIgnoredDuringExecution: [prefer(2, 'x'), prefer(6, 'y')] } },
  };
  const h = new Harness({
    nodes: [aNode('a', { labels: { x: '' } }), aNode('b', { labels: { x: '', y: '' } }), aNode('c')],
  });
  assert.deepEqual(h.scores('NodeAffinity', aPod('p', { spec })), { a: 25, b: 100, c: 0 });
  assert.equal(h.scores('NodeAffinity', aPod('p')), undefined);
});

test('ImageLocality prefers large images that many nodes have', () => {
  const mb = 1024 * 1024;
  const image = (name: string, size: number) => ({ names: [name], sizeBytes: size * mb });
  const h = new Harness({
    nodes: [
      aNode('a', { images: [image('gcr.io/40:latest', 40), image('gcr.io/300:latest', 300)] }),
      aNode('b', { images: [image('gcr.io/250:latest', 250)] }),
    ],
  });
  // Half of the nodes have each: 250 MB counts 125, (125 - 23) / (2 x 1000 - 23) of 100; 40 MB counts 20, too little.
  const two = aPod('p', {
    spec: {
      containers: [
        { name: '1', image: 'gcr.io/40' },
        { name: '2', image: 'gcr.io/250' },
      ],
    },
  });
  assert.deepEqual(h.scores('ImageLocality', two), { a: 0, b: 5 });
  assert.deepEqual(h.scores('ImageLocality', aPod('p', { image: 'gcr.io/300' })), { a: 12, b: 0 });
  // Each container counts, also with the same image.
  const twice = aPod('p', {
    spec: {
      containers: [
        { name: '1', image: 'gcr.io/300' },
        { name: '2', image: 'gcr.io/300' },
      ],
    },
  });
  assert.deepEqual(h.scores('ImageLocality', twice), { a: 14, b: 0 });
  assert.equal(h.scores('ImageLocality', aPod('p', { image: 'none' })), undefined);
});
