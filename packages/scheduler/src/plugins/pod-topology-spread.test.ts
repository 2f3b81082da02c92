import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { V1Pod, V1TopologySpreadConstraint } from '@kubelab/api';
import { Harness } from '../testing/harness.js';
import { aNode, aPod } from '../testing/objects.js';

const zone = 'topology.kubernetes.io/zone';
const host = 'kubernetes.io/hostname';
const nodes = [
  aNode('a1', { labels: { [zone]: 'a' } }),
  aNode('a2', { labels: { [zone]: 'a' } }),
  aNode('b1', { labels: { [zone]: 'b' } }),
];
const constraint = (o: Partial<V1TopologySpreadConstraint> = {}): V1TopologySpreadConstraint => ({
  maxSkew: 1,
  topologyKey: zone,
  whenUnsatisfiable: 'DoNotSchedule',
  labelSelector: { matchLabels: { app: 'web' } },
  ...o,
});
const on = (node: string, n = 1, o: Parameters<typeof aPod>[1] = {}): V1Pod[] =>
  Array.from({ length: n }, (_, i) =>
    aPod(`${node}-${i}-${o.namespace ?? ''}`, { node, labels: { app: 'web' }, ...o }),
  );
const pod = (...c: V1TopologySpreadConstraint[]): V1Pod =>
  aPod('p', { labels: { app: 'web', version: '2' }, spec: { topologySpreadConstraints: c } });
const no = "node(s) didn't match pod topology spread constraints";
const noLabel = `${no} (missing required label)`;
const all = (reason: string) => ({ a1: reason, a2: reason, b1: reason });

const cases: [string, V1Pod, V1Pod[], Record<string, string>][] = [
  ['empty domains', pod(constraint()), [], all('')],
  ['only the emptier domain', pod(constraint()), on('a1'), { a1: no, a2: no, b1: '' }],
  ['skew of two', pod(constraint({ maxSkew: 2 })), on('a1'), all('')],
  ['by host', pod(constraint({ topologyKey: host })), [...on('a1'), ...on('b1')], { a1: no, a2: '', b1: no }],
  ['two constraints', pod(constraint(), constraint({ topologyKey: host })), on('a1'), { a1: no, a2: no, b1: '' }],
  ['other namespaces do not count', pod(constraint()), on('a1', 1, { namespace: 'other' }), all('')],
  [
    'pods that are going do not count',
    pod(constraint()),
    on('a1', 1, {
      metadata: {
        name: 'x',
        namespace: 'default',
        uid: 'x',
        labels: { app: 'web' },
        deletionTimestamp: '2024-01-01T00:00:00Z',
      },
    }),
    all(''),
  ],
  [
    'a pod that its selector does not match adds nothing',
    aPod('p', { spec: { topologySpreadConstraints: [constraint()] } }),
    on('a1'),
    all(''),
  ],
  ['a missing label', pod(constraint({ topologyKey: 'rack' })), [], all(noLabel)],
  [
    'minDomains: missing domains count as empty',
    pod(constraint({ minDomains: 3 })),
    [...on('a1'), ...on('b1')],
    all(no),
  ],
  ['minDomains reached', pod(constraint({ minDomains: 2 })), [...on('a1'), ...on('b1')], all('')],
  [
    'matchLabelKeys: only pods of the same revision',
    pod(constraint({ matchLabelKeys: ['version'] })),
    on('a1'),
    all(''),
  ],
  [
    'matchLabelKeys: a key the pod lacks is ignored',
    pod(constraint({ matchLabelKeys: ['none'] })),
    on('a1'),
    { a1: no, a2: no, b1: '' },
  ],
];
for (const [what, p, pods, expected] of cases) {
  test(`topology spread: ${what}`, () => assert.deepEqual(new Harness({ nodes, pods }).filters(p), expected));
}

test('nodeAffinityPolicy: domains that the pod may not use count only when ignored', () => {
  const pods = on('a1');
  const spec = (policy?: string) => ({
    nodeSelector: { [zone]: 'a' },
    topologySpreadConstraints: [constraint({ nodeAffinityPolicy: policy })],
  });
  const p = (policy?: string) => aPod('p', { labels: { app: 'web' }, spec: spec(policy) });
  const outside = "node(s) didn't match Pod's node affinity/selector";
  assert.deepEqual(new Harness({ nodes, pods }).filters(p()), { a1: '', a2: '', b1: outside });
  assert.deepEqual(new Harness({ nodes, pods }).filters(p('Ignore')), { a1: no, a2: no, b1: outside });
});

test('nodeTaintsPolicy: tainted domains count unless honoured', () => {
  const tainted = [
    ...nodes.slice(0, 2),
    aNode('b1', { labels: { [zone]: 'b' }, taints: [{ key: 't', effect: 'NoSchedule' }] }),
  ];
  const p = (nodeTaintsPolicy?: string) => pod(constraint({ nodeTaintsPolicy }));
  const h = new Harness({ nodes: tainted, pods: on('a1') });
  const taint = 'node(s) had untolerated taint {t: }';
  assert.deepEqual(h.filters(p()), { a1: no, a2: no, b1: taint });
  assert.deepEqual(h.filters(p('Honor')), { a1: '', a2: '', b1: taint });
});

test('pods placed one after the other are even', () => {
  const h = new Harness({ nodes });
  const placed = Array.from({ length: 6 }, (_, i) => {
    const p = { ...pod(constraint(), constraint({ topologyKey: host, whenUnsatisfiable: 'ScheduleAnyway' })) };
    return h.place({ ...p, metadata: { ...p.metadata, name: `p${i}`, uid: `p${i}` } });
  });
  const count = (n: string) => placed.filter((x) => x === n).length;
  assert.equal(count('b1'), 3);
  assert.equal(count('a1') + count('a2'), 3);
});

test('soft constraints score the emptier domain higher', () => {
  const soft = constraint({ whenUnsatisfiable: 'ScheduleAnyway' });
  const h = new Harness({ nodes, pods: on('a1', 2) });
  const scores = h.scores('PodTopologySpread', pod(soft));
  assert.deepEqual(scores, { a1: 0, a2: 0, b1: 100 });
});

test('default constraints spread pods of a Service; nodes without the zone label take part', () => {
  const services = [{ metadata: { name: 's', namespace: 'default' }, spec: { selector: { app: 'web' } } }];
  const plain = [aNode('x'), aNode('y')];
  const h = new Harness({ nodes: plain, pods: on('x', 5), services });
  const scores = h.scores('PodTopologySpread', aPod('p', { labels: { app: 'web' } }));
  assert.ok((scores?.y ?? 0) > (scores?.x ?? 100), JSON.stringify(scores));
  assert.equal(h.scores('PodTopologySpread', aPod('p')), undefined);
});
