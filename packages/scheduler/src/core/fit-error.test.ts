import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { V1Pod } from '@kubelab/api';
import { Harness, type World } from '../testing/harness.js';
import { aNode, aPod } from '../testing/objects.js';

const named = (name: string): V1Pod['spec'] => ({
  containers: [],
  affinity: {
    nodeAffinity: {
      requiredDuringSchedulingIgnoredDuringExecution: {
        nodeSelectorTerms: [{ matchFields: [{ key: 'metadata.name', operator: 'In', values: [name] }] }],
      },
    },
  },
});
const conflict = { ...named('a') };
conflict.affinity?.nodeAffinity?.requiredDuringSchedulingIgnoredDuringExecution?.nodeSelectorTerms[0]?.matchFields?.push(
  {
    key: 'metadata.name',
    operator: 'In',
    values: ['b'],
  },
);

const cases: [string, World, V1Pod, string][] = [
  ['no nodes', { nodes: [] }, aPod('p'), 'no nodes available to schedule pods'],
  [
    'reasons counted and sorted',
    { nodes: [aNode('a'), aNode('b'), aNode('c', { unschedulable: true })] },
    aPod('p', { requests: { cpu: '5' } }),
    '0/3 nodes are available: 1 node(s) were unschedulable, 2 Insufficient cpu.',
  ],
  [
    'one node with two reasons',
    { nodes: [aNode('a')] },
    aPod('p', { requests: { cpu: '5', memory: '9Gi' } }),
    '0/1 nodes are available: 1 Insufficient cpu, 1 Insufficient memory.',
  ],
  [
    'PreFilter',
    { nodes: [aNode('a'), aNode('b')] },
    aPod('p', { spec: { volumes: [{ name: 'v', persistentVolumeClaim: { claimName: 'c' } }] } }),
    '0/2 nodes are available: persistentvolumeclaim "c" not found.',
  ],
  [
    'nodes that a PreFilter plugin left out',
    { nodes: [aNode('a', { unschedulable: true }), aNode('b'), aNode('c')] },
    aPod('p', { spec: named('a') }),
    "0/3 nodes are available: 1 node(s) were unschedulable, 2 node(s) didn't satisfy plugin(s) [NodeAffinity].",
  ],
  [
    'names that contradict each other',
    { nodes: [aNode('a')] },
    aPod('p', { spec: conflict }),
    '0/1 nodes are available: pod affinity terms conflict.',
  ],
];
for (const [what, world, pod, message] of cases) {
  test(`FailedScheduling: ${what}`, () => assert.equal(new Harness(world).schedule(pod), message));
}
