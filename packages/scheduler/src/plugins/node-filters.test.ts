import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { V1Node, V1Pod } from '@kubelab/api';
import { Harness } from '../testing/harness.js';
import { aNode, aPod } from '../testing/objects.js';

const affinity = (term: object): V1Pod['spec'] =>
  ({
    affinity: { nodeAffinity: { requiredDuringSchedulingIgnoredDuringExecution: { nodeSelectorTerms: [term] } } },
  }) as V1Pod['spec'];
const labelled = (key: string, operator: string, ...values: string[]): V1Pod['spec'] =>
  affinity({ matchExpressions: [{ key, operator, values }] });
const port = (hostPort: number, o: object = {}) => [{ containerPort: hostPort, hostPort, ...o }];
const noMatch = "node(s) didn't match Pod's node affinity/selector";
const noPorts = "node(s) didn't have free ports for the requested pod ports";

/** Whether a pod fits on one node, and Kubernetes' reason if not. */
const cases: [string, V1Pod, V1Node, V1Pod[], string][] = [
  [
    'cpu fits exactly',
    aPod('p', { requests: { cpu: '3' } }),
    aNode('n'),
    [aPod('a', { node: 'n', requests: { cpu: '1' } })],
    '',
  ],
  [
    'cpu',
    aPod('p', { requests: { cpu: '3001m' } }),
    aNode('n'),
    [aPod('a', { node: 'n', requests: { cpu: '1' } })],
    'Insufficient cpu',
  ],
  [
    'all that lacks is named',
    aPod('p', { requests: { cpu: '5', memory: '9Gi', 'ephemeral-storage': '1', 'example.com/gpu': '1' } }),
    aNode('n'),
    [],
    'Insufficient cpu, Insufficient memory, Insufficient ephemeral-storage, Insufficient example.com/gpu',
  ],
  ['too many pods', aPod('p'), aNode('n', { allocatable: { pods: '1' } }), [aPod('a', { node: 'n' })], 'Too many pods'],
  [
    'extended resource',
    aPod('p', { requests: { 'example.com/gpu': '2' } }),
    aNode('n', { allocatable: { 'example.com/gpu': '2' } }),
    [],
    '',
  ],
  ['no requests fit a full node', aPod('p'), aNode('n'), [aPod('a', { node: 'n', requests: { cpu: '4' } })], ''],
  [
    'init containers count by their most',
    aPod('p', { spec: { initContainers: [{ name: 'i', resources: { requests: { cpu: '5' } } }] } }),
    aNode('n'),
    [],
    'Insufficient cpu',
  ],
  [
    'sidecars add up',
    aPod('p', {
      requests: { cpu: '3' },
      spec: { initContainers: [{ name: 's', restartPolicy: 'Always', resources: { requests: { cpu: '2' } } }] },
    }),
    aNode('n'),
    [],
    'Insufficient cpu',
  ],
  [
    'overhead counts',
    aPod('p', { requests: { cpu: '4' }, spec: { overhead: { cpu: '1m' } } }),
    aNode('n'),
    [],
    'Insufficient cpu',
  ],
  [
    'pod-level requests win',
    aPod('p', { requests: { cpu: '1' }, spec: { resources: { requests: { cpu: '5' } } } }),
    aNode('n'),
    [],
    'Insufficient cpu',
  ],
  [
    'a container being resized counts by its most',
    aPod('p', { requests: { cpu: '1' } }),
    aNode('n'),
    [
      aPod('a', {
        node: 'n',
        requests: { cpu: '1' },
        status: {
          containerStatuses: [
            {
              name: 'main',
              ready: true,
              image: '',
              imageID: '',
              restartCount: 0,
              resources: { requests: { cpu: '4' } },
            },
          ],
        },
      }),
    ],
    'Insufficient cpu',
  ],
  [
    'an infeasible resize does not count',
    aPod('p', { requests: { cpu: '2' } }),
    aNode('n'),
    [
      aPod('a', {
        node: 'n',
        requests: { cpu: '4' },
        status: {
          conditions: [{ type: 'PodResizePending', status: 'True', reason: 'Infeasible' }],
          containerStatuses: [
            {
              name: 'main',
              ready: true,
              image: '',
              imageID: '',
              restartCount: 0,
              resources: { requests: { cpu: '1' } },
            },
          ],
        },
      }),
    ],
    '',
  ],
  ['node name', aPod('p', { node: 'other' }), aNode('n'), [], "node(s) didn't match the requested node name"],
  ['cordoned', aPod('p'), aNode('n', { unschedulable: true }), [], 'node(s) were unschedulable'],
  [
    'cordoned, tolerated',
    aPod('p', { spec: { tolerations: [{ key: 'node.kubernetes.io/unschedulable', operator: 'Exists' }] } }),
    aNode('n', { unschedulable: true }),
    [],
    '',
  ],
  [
    'taint',
    aPod('p'),
    aNode('n', { taints: [{ key: 'a', value: 'b', effect: 'NoSchedule' }] }),
    [],
    'node(s) had untolerated taint {a: b}',
  ],
  [
    'taint NoExecute',
    aPod('p'),
    aNode('n', { taints: [{ key: 'a', effect: 'NoExecute' }] }),
    [],
    'node(s) had untolerated taint {a: }',
  ],
  [
    'taint PreferNoSchedule does not filter',
    aPod('p'),
    aNode('n', { taints: [{ key: 'a', effect: 'PreferNoSchedule' }] }),
    [],
    '',
  ],
  [
    'tolerated by value',
    aPod('p', { spec: { tolerations: [{ key: 'a', value: 'b' }] } }),
    aNode('n', { taints: [{ key: 'a', value: 'b', effect: 'NoSchedule' }] }),
    [],
    '',
  ],
  [
    'tolerated with another effect',
    aPod('p', { spec: { tolerations: [{ key: 'a', value: 'b', effect: 'NoExecute' }] } }),
    aNode('n', { taints: [{ key: 'a', value: 'b', effect: 'NoSchedule' }] }),
    [],
    'node(s) had untolerated taint {a: b}',
  ],
  [
    'all tolerated',
    aPod('p', { spec: { tolerations: [{ operator: 'Exists' }] } }),
    aNode('n', { taints: [{ key: 'x', effect: 'NoExecute' }] }),
    [],
    '',
  ],
  [
    'nodeSelector',
    aPod('p', { spec: { nodeSelector: { disk: 'ssd' } } }),
    aNode('n', { labels: { disk: 'ssd' } }),
    [],
    '',
  ],
  ['nodeSelector not met', aPod('p', { spec: { nodeSelector: { disk: 'ssd' } } }), aNode('n'), [], noMatch],
  ['In', aPod('p', { spec: labelled('z', 'In', 'a', 'b') }), aNode('n', { labels: { z: 'b' } }), [], ''],
  ['NotIn of an absent label', aPod('p', { spec: labelled('z', 'NotIn', 'a') }), aNode('n'), [], ''],
  ['Exists', aPod('p', { spec: labelled('z', 'Exists') }), aNode('n'), [], noMatch],
  ['DoesNotExist', aPod('p', { spec: labelled('z', 'DoesNotExist') }), aNode('n', { labels: { z: '' } }), [], noMatch],
  ['Gt', aPod('p', { spec: labelled('z', 'Gt', '5') }), aNode('n', { labels: { z: '6' } }), [], ''],
  ['Gt of a text', aPod('p', { spec: labelled('z', 'Gt', '5') }), aNode('n', { labels: { z: 'x' } }), [], noMatch],
  ['Lt', aPod('p', { spec: labelled('z', 'Lt', '5') }), aNode('n', { labels: { z: '6' } }), [], noMatch],
  ['an empty term matches nothing', aPod('p', { spec: affinity({}) }), aNode('n'), [], noMatch],
  [
    'field',
    aPod('p', { spec: affinity({ matchFields: [{ key: 'metadata.name', operator: 'NotIn', values: ['n'] }] }) }),
    aNode('n'),
    [],
    noMatch,
  ],
  [
    'named node',
    aPod('p', { spec: affinity({ matchFields: [{ key: 'metadata.name', operator: 'In', values: ['x'] }] }) }),
    aNode('n'),
    [],
    'outside',
  ],
  ['host port taken', aPod('p', { ports: port(80) }), aNode('n'), [aPod('a', { node: 'n', ports: port(80) })], noPorts],
  [
    'other protocol',
    aPod('p', { ports: port(80, { protocol: 'UDP' }) }),
    aNode('n'),
    [aPod('a', { node: 'n', ports: port(80) })],
    '',
  ],
  [
    'other address',
    aPod('p', { ports: port(80, { hostIP: '127.0.0.1' }) }),
    aNode('n'),
    [aPod('a', { node: 'n', ports: port(80, { hostIP: '127.0.0.2' }) })],
    '',
  ],
  [
    'all addresses',
    aPod('p', { ports: port(80, { hostIP: '127.0.0.1' }) }),
    aNode('n'),
    [aPod('a', { node: 'n', ports: port(80) })],
    noPorts,
  ],
];

for (const [what, pod, node, pods, reason] of cases) {
  test(`filter: ${what}`, () => {
    assert.deepEqual(new Harness({ nodes: [node], pods }).filters(pod), { n: reason });
  });
}

test('a request above what the node has at all is beyond help by preemption', () => {
  const h = new Harness({ nodes: [aNode('n')], pods: [aPod('a', { node: 'n', requests: { cpu: '3' } })] });
  const codeOf = (cpu: string) => {
    try {
      h.select(aPod('p', { requests: { cpu } }));
      return 'fits';
    } catch (error) {
      return (error as { diagnosis: Map<string, { code: string }> }).diagnosis.get('n')?.code;
    }
  };
  assert.deepEqual(['1', '2', '5'].map(codeOf), ['fits', 'Unschedulable', 'UnschedulableAndUnresolvable']);
});

test('scheduler-enforced affinity and ignored resources come from the arguments', () => {
  const h = new Harness({
    nodes: [aNode('n')],
    args: {
      NodeAffinity: {
        addedAffinity: {
          requiredDuringSchedulingIgnoredDuringExecution: {
            nodeSelectorTerms: [{ matchExpressions: [{ key: 'pool', operator: 'Exists' }] }],
          },
        },
      },
    },
  });
  assert.deepEqual(h.filters(aPod('p')), { n: "node(s) didn't match scheduler-enforced node affinity" });
  const fit = new Harness({
    nodes: [aNode('n')],
    args: {
      NodeResourcesFit: {
        ignoredResources: ['example.com/a'],
        ignoredResourceGroups: ['example.org'],
        scoringStrategy: { type: 'LeastAllocated', resources: [] },
      },
    },
  });
  const requests = { 'example.com/a': '1', 'example.com/b': '1', 'example.org/c': '1' };
  assert.deepEqual(fit.filters(aPod('p', { requests })), { n: 'Insufficient example.com/b' });
});
