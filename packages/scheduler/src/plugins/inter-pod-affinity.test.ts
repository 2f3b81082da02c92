import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { V1Affinity, V1Pod, V1PodAffinityTerm } from '@kubelab/api';
import { Harness } from '../testing/harness.js';
import { aNode, aPod } from '../testing/objects.js';

const zone = 'topology.kubernetes.io/zone';
const nodes = [
  aNode('a1', { labels: { [zone]: 'a' } }),
  aNode('a2', { labels: { [zone]: 'a' } }),
  aNode('b1', { labels: { [zone]: 'b' } }),
];
const term = (app: string, o: Partial<V1PodAffinityTerm> = {}): V1PodAffinityTerm => ({
  labelSelector: { matchLabels: { app } },
  topologyKey: zone,
  ...o,
});
const near = (...terms: V1PodAffinityTerm[]): V1Affinity => ({
  podAffinity: { requiredDuringSchedulingIgnoredDuringExecution: terms },
});
const away = (...terms: V1PodAffinityTerm[]): V1Affinity => ({
  podAntiAffinity: { requiredDuringSchedulingIgnoredDuringExecution: terms },
});
const pod = (affinity: V1Affinity, labels?: Record<string, string>): V1Pod => aPod('p', { labels, spec: { affinity } });
const web = (o: object = {}) => aPod('web', { node: 'a1', labels: { app: 'web' }, ...o });
const noAffinity = "node(s) didn't match pod affinity rules";
const noAnti = "node(s) didn't match pod anti-affinity rules";
const existing = "node(s) didn't satisfy existing pods anti-affinity rules";

const cases: [string, V1Pod, V1Pod[], Record<string, string>][] = [
  ['together by zone', pod(near(term('web'))), [web()], { a1: '', a2: '', b1: noAffinity }],
  [
    'together by host',
    pod(near(term('web', { topologyKey: 'kubernetes.io/hostname' }))),
    [web()],
    { a1: '', a2: noAffinity, b1: noAffinity },
  ],
  ['apart by zone', pod(away(term('web'))), [web()], { a1: noAnti, a2: noAnti, b1: '' }],
  [
    'the existing pod wants to be apart',
    aPod('p', { labels: { app: 'db' } }),
    [web({ spec: { affinity: away(term('db')) } })],
    { a1: existing, a2: existing, b1: '' },
  ],
  [
    'first of a group that wants to be together',
    pod(near(term('web')), { app: 'web' }),
    [],
    { a1: '', a2: '', b1: '' },
  ],
  ['first of a group, but not in it', pod(near(term('web'))), [], { a1: noAffinity, a2: noAffinity, b1: noAffinity }],
  [
    'all terms must hold by the same pods',
    pod(near(term('web'), term('db'))),
    [web(), aPod('db', { node: 'a2', labels: { app: 'db' } })],
    { a1: noAffinity, a2: noAffinity, b1: noAffinity },
  ],
  [
    'another namespace does not count',
    pod(near(term('web'))),
    [web({ namespace: 'other' })],
    { a1: noAffinity, a2: noAffinity, b1: noAffinity },
  ],
  [
    'unless named',
    pod(near(term('web', { namespaces: ['other'] }))),
    [web({ namespace: 'other' })],
    { a1: '', a2: '', b1: noAffinity },
  ],
  [
    'or selected',
    pod(away(term('web', { namespaceSelector: { matchLabels: { team: 'x' } } }))),
    [web({ namespace: 'other' })],
    { a1: noAnti, a2: noAnti, b1: '' },
  ],
  [
    'an empty namespace selector selects all',
    pod(away(term('web', { namespaceSelector: {} }))),
    [web({ namespace: 'nobody' })],
    { a1: noAnti, a2: noAnti, b1: '' },
  ],
  [
    'no label selector selects nothing',
    pod(near({ topologyKey: zone })),
    [web()],
    { a1: noAffinity, a2: noAffinity, b1: noAffinity },
  ],
  [
    'a node without the topology key',
    pod(near(term('web', { topologyKey: 'rack' }))),
    [web()],
    { a1: noAffinity, a2: noAffinity, b1: noAffinity },
  ],
];
for (const [what, p, pods, expected] of cases) {
  test(`inter-pod affinity: ${what}`, () => {
    const namespaces = [{ metadata: { name: 'other', labels: { team: 'x' } } }];
    assert.deepEqual(new Harness({ nodes, pods, namespaces }).filters(p), expected);
  });
}

test('preferences of the pod and of the pods there score, required affinity of those counts too', () => {
  const prefer = (weight: number): V1Affinity => ({
    podAffinity: { preferredDuringSchedulingIgnoredDuringExecution: [{ weight, podAffinityTerm: term('web') }] },
  });
  const avoid: V1Affinity = {
    podAntiAffinity: { preferredDuringSchedulingIgnoredDuringExecution: [{ weight: 5, podAffinityTerm: term('web') }] },
  };
  const h = new Harness({ nodes, pods: [web()] });
  assert.deepEqual(h.scores('InterPodAffinity', pod(prefer(5))), { a1: 100, a2: 100, b1: 0 });
  assert.deepEqual(h.scores('InterPodAffinity', pod(avoid)), { a1: 0, a2: 0, b1: 100 });
  assert.equal(h.scores('InterPodAffinity', aPod('p')), undefined);
  const drawn = new Harness({ nodes, pods: [web({ spec: { affinity: near(term('db')) } })] });
  assert.deepEqual(drawn.scores('InterPodAffinity', aPod('p', { labels: { app: 'db' } })), { a1: 100, a2: 100, b1: 0 });
  const args = { InterPodAffinity: { hardPodAffinityWeight: 0, ignorePreferredTermsOfExistingPods: false } };
  const deaf = new Harness({ nodes, args, pods: [web({ spec: { affinity: near(term('db')) } })] });
  assert.equal(deaf.scores('InterPodAffinity', aPod('p', { labels: { app: 'db' } })), undefined);
});

test('a pod wakes up for the pods that its terms, or whose terms, are about', () => {
  const h = new Harness({ nodes });
  const hint = h.plugins.get('InterPodAffinity')?.events?.()[0]?.hint;
  const wakes = (p: V1Pod, event: { old?: V1Pod; now?: V1Pod }) =>
    hint?.(p, { resource: 'AssignedPod', action: 'Add', ...event });
  assert.equal(wakes(pod(near(term('web'))), { now: web() }), true);
  assert.equal(wakes(pod(near(term('db'))), { now: web() }), false);
  assert.equal(wakes(pod(away(term('web'))), { old: web() }), true);
  assert.equal(wakes(pod(away(term('web'))), { now: web() }), false);
  assert.equal(
    wakes(aPod('p', { labels: { app: 'db' } }), { old: web({ spec: { affinity: away(term('db')) } }) }),
    true,
  );
});
