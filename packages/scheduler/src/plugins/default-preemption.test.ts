import assert from 'node:assert/strict';
import { after, before, beforeEach, test } from 'node:test';
import type { V1Pod, V1PodDisruptionBudget } from '@kubelab/api';
import { FitError } from '../core/fit-error.js';
import { CycleState } from '../framework/cycle-state.js';
import { PodInfo } from '../framework/pod-info.js';
import { FakeApi } from '../testing/fake-api.js';
import { Harness, type World } from '../testing/harness.js';
import { aNode, aPod } from '../testing/objects.js';

const api = new FakeApi();
before(() => api.start());
after(() => api.stop());
beforeEach(() => {
  api.requests.length = 0;
});

const low = (name: string, node: string, cpu: string, o: Parameters<typeof aPod>[1] = {}): V1Pod =>
  aPod(name, { node, requests: { cpu }, priority: 0, ...o });
const high = (cpu = '4', o: Parameters<typeof aPod>[1] = {}): V1Pod =>
  aPod('high', { requests: { cpu }, priority: 100, ...o });
const budget = (app: string, disruptionsAllowed: number): V1PodDisruptionBudget => ({
  metadata: { name: app, namespace: 'default' },
  spec: { selector: { matchLabels: { app } } },
  status: { disruptionsAllowed, currentHealthy: 1, desiredHealthy: 1, expectedPods: 1 },
});
const app = (name: string) => ({ labels: { app: name } });
const started = (startTime: string) => ({ status: { startTime } });

/** What preemption does for a pod that fits nowhere: the nominated node and the victims, or why not. */
async function preempt(world: World, pod: V1Pod): Promise<{ node?: string; victims: string[]; message: string }> {
  const h = new Harness({ ...world, server: api.url });
  const state = new CycleState();
  const info = new PodInfo(pod);
  try {
    h.select(pod, state);
    throw new Error('the pod fits without preemption');
  } catch (error) {
    if (!(error instanceof FitError)) throw error;
    const result = await h.framework.postFilter(state, info, h.cache.updateSnapshot(), error.diagnosis);
    const victims = api.requests.filter((r) => r.startsWith('DELETE')).map((r) => r.replace(/.*pods\//, ''));
    h.client.close();
    return { node: result.nominatedNodeName, victims: victims.sort(), message: error.describe(result.status?.message) };
  }
}

const two = [aNode('a'), aNode('b')];
const cases: [string, World, V1Pod, { node?: string; victims: string[] }][] = [
  [
    'the more important ones come back first',
    { nodes: [aNode('a')], pods: [low('x', 'a', '1'), low('y', 'a', '3', { priority: 10 })] },
    high('1'),
    { node: 'a', victims: ['x'] },
  ],
  [
    'pods of the same priority stay',
    { nodes: two, pods: [low('x', 'a', '4', { priority: 100 }), low('y', 'b', '4')] },
    high(),
    { node: 'b', victims: ['y'] },
  ],
  [
    'lower priorities go first',
    { nodes: two, pods: [low('x', 'a', '4', { priority: 10 }), low('y', 'b', '4', { priority: 5 })] },
    high(),
    { node: 'b', victims: ['y'] },
  ],
  [
    'fewer pods',
    { nodes: two, pods: [low('x', 'a', '2'), low('y', 'a', '2'), low('z', 'b', '4')] },
    high(),
    { node: 'b', victims: ['z'] },
  ],
  [
    'the one that started later',
    {
      nodes: two,
      pods: [low('x', 'a', '4', started('2024-01-01T00:00:00Z')), low('y', 'b', '4', started('2024-02-01T00:00:00Z'))],
    },
    high(),
    { node: 'b', victims: ['y'] },
  ],
  [
    'a budget protects',
    {
      nodes: two,
      pods: [low('x', 'a', '4', app('x')), low('y', 'b', '4', { ...app('y'), priority: 50 })],
      budgets: [budget('x', 0)],
    },
    high(),
    { node: 'b', victims: ['y'] },
  ],
  [
    'unless there is no other way',
    { nodes: [aNode('a')], pods: [low('x', 'a', '4', app('x'))], budgets: [budget('x', 0)] },
    high(),
    { node: 'a', victims: ['x'] },
  ],
  [
    'a budget that allows one',
    {
      nodes: two,
      pods: [low('x1', 'a', '2', app('x')), low('x2', 'a', '2', app('x')), low('y', 'b', '4', { priority: 50 })],
      budgets: [budget('x', 1)],
    },
    high(),
    { node: 'b', victims: ['y'] },
  ],
  [
    'host ports',
    {
      nodes: [aNode('a')],
      pods: [low('x', 'a', '1', { ports: [{ containerPort: 80, hostPort: 80 }] }), low('y', 'a', '1')],
    },
    high('1', { ports: [{ containerPort: 80, hostPort: 80 }] }),
    { node: 'a', victims: ['x'] },
  ],
  [
    'anti-affinity of a pod there',
    {
      nodes: [aNode('a')],
      pods: [
        low('x', 'a', '1', {
          spec: {
            nodeName: 'a',
            priority: 0,
            affinity: {
              podAntiAffinity: {
                requiredDuringSchedulingIgnoredDuringExecution: [
                  { topologyKey: 'kubernetes.io/hostname', labelSelector: { matchLabels: { app: 'h' } } },
                ],
              },
            },
          },
        }),
      ],
    },
    high('1', app('h')),
    { node: 'a', victims: ['x'] },
  ],
];
for (const [what, world, pod, expected] of cases) {
  test(`preemption: ${what}`, async () => {
    const { node, victims } = await preempt(world, pod);
    assert.deepEqual({ node, victims }, expected);
  });
}

const refusals: [string, World, V1Pod, string][] = [
  [
    'nothing lower is there',
    { nodes: [aNode('a')], pods: [low('x', 'a', '4', { priority: 200 })] },
    high(),
    '0/1 nodes are available: 1 Insufficient cpu. preemption: 0/1 nodes are available: 1 No preemption victims found for incoming pod.',
  ],
  [
    'it would not help',
    { nodes: [aNode('a'), aNode('b', { unschedulable: true })], pods: [low('x', 'a', '4', { priority: 200 })] },
    high('1'),
    '0/2 nodes are available: 1 Insufficient cpu, 1 node(s) were unschedulable. preemption: 0/2 nodes are available: 1 No preemption victims found for incoming pod, 1 Preemption is not helpful for scheduling.',
  ],
  [
    'not enough goes',
    { nodes: [aNode('a')], pods: [low('x', 'a', '1'), low('y', 'a', '3', { priority: 200 })] },
    high('2'),
    '0/1 nodes are available: 1 Insufficient cpu. preemption: 0/1 nodes are available: 1 Insufficient cpu.',
  ],
  [
    'never',
    { nodes: [aNode('a')], pods: [low('x', 'a', '4')] },
    high('1', { spec: { preemptionPolicy: 'Never' } }),
    '0/1 nodes are available: 1 Insufficient cpu. preemption: not eligible due to preemptionPolicy=Never.',
  ],
  [
    'its victims are still going',
    {
      nodes: [aNode('a')],
      pods: [
        low('x', 'a', '4', {
          metadata: { name: 'x', namespace: 'default', uid: 'x', deletionTimestamp: '2024-01-01T00:00:00Z' },
          status: { conditions: [{ type: 'DisruptionTarget', status: 'True', reason: 'PreemptionByScheduler' }] },
        }),
      ],
    },
    high('1', { status: { nominatedNodeName: 'a' } }),
    '0/1 nodes are available: 1 Insufficient cpu. preemption: not eligible due to a terminating pod on the nominated node.',
  ],
];
for (const [what, world, pod, message] of refusals) {
  test(`no preemption: ${what}`, async () => {
    const result = await preempt(world, pod);
    assert.deepEqual([result.message, result.victims], [message, []]);
  });
}

test('what a nominated pod was given is not given to a lower one', () => {
  const nominated = aPod('n', { requests: { cpu: '3' }, priority: 50, status: { nominatedNodeName: 'a' } });
  const h = new Harness({ nodes: [aNode('a')], pods: [nominated] });
  assert.equal(h.schedule(low('x', '', '2', { node: undefined })), '0/1 nodes are available: 1 Insufficient cpu.');
  assert.equal(h.schedule(high('2')), 'a');
  assert.equal(h.schedule(nominated), 'a');
});
