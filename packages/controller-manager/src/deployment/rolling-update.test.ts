import assert from 'node:assert/strict';
import test from 'node:test';
import type { Deployment, ReplicaSet } from '../framework/kinds.js';
import { maxReplicasAnnotation } from './annotations.js';
import { resolveFenceposts } from './fenceposts.js';
import { proportionalScaling } from './proportional.js';
import { findNewSet } from './replica-sets.js';
import { newSetReplicas, scaleDownOldSets } from './rolling-update.js';

function deployment(replicas: number, maxSurge: number | string, maxUnavailable: number | string): Deployment {
  return {
    apiVersion: 'apps/v1',
    kind: 'Deployment',
    metadata: { name: 'web', namespace: 'default', uid: 'd', resourceVersion: '1', creationTimestamp: '' },
    spec: {
      replicas,
      selector: {},
      strategy: { type: 'RollingUpdate', rollingUpdate: { maxSurge, maxUnavailable } },
      template: { metadata: { labels: { app: 'web' } } },
    },
  };
}

function set(name: string, replicas: number, available = replicas, age = 0, maxBefore?: number): ReplicaSet {
  return {
    apiVersion: 'apps/v1',
    kind: 'ReplicaSet',
    metadata: {
      name,
      namespace: 'default',
      uid: name,
      resourceVersion: '1',
      creationTimestamp: new Date(1_700_000_000_000 - age * 1000).toISOString(),
      annotations: maxBefore === undefined ? {} : { [maxReplicasAnnotation]: String(maxBefore) },
    },
    spec: { replicas, selector: {} },
    status: { replicas, availableReplicas: available },
  };
}

test('fenceposts', () => {
  const cases: [number | string, number | string, number, number, number][] = [
    ['25%', '25%', 4, 1, 1],
    ['25%', '25%', 1, 1, 0],
    [0, 0, 1, 0, 1],
    ['0%', '10%', 3, 0, 1],
    [2, '50%', 5, 2, 2],
  ];
  for (const [surge, unavailable, desired, maxSurge, maxUnavailable] of cases) {
    assert.deepEqual(resolveFenceposts(surge, unavailable, desired), { maxSurge, maxUnavailable });
  }
});

test('a new set grows only as far as maxSurge leaves room', () => {
  const cases: [number, number, number, number, number][] = [
    // replicas, maxSurge, old, new, expected
    [10, 0, 10, 0, 0],
    [10, 2, 10, 0, 2],
    [10, 2, 5, 0, 7],
    [10, 2, 10, 2, 2],
    [10, 5, 0, 0, 10],
  ];
  for (const [replicas, surge, old, current, expected] of cases) {
    const sets = [set('old', old), set('new', current)];
    assert.equal(newSetReplicas(deployment(replicas, surge, 0), sets, current), expected);
  }
});

test('old sets give up unhealthy pods first, then as many as maxUnavailable lets go', () => {
  const cases: {
    name: string;
    unavailable: number;
    old: ReplicaSet;
    fresh: ReplicaSet;
    expected: number | undefined;
  }[] = [
    { name: 'nothing may go', unavailable: 0, old: set('old', 10), fresh: set('new', 0), expected: undefined },
    { name: 'maxUnavailable goes', unavailable: 2, old: set('old', 10), fresh: set('new', 0), expected: 8 },
    { name: 'unhealthy goes at once', unavailable: 2, old: set('old', 10, 8), fresh: set('new', 0), expected: 8 },
    { name: 'the new set covers', unavailable: 0, old: set('old', 10), fresh: set('new', 2), expected: 8 },
    {
      name: 'an unready new set does not',
      unavailable: 0,
      old: set('old', 10),
      fresh: set('new', 2, 0),
      expected: undefined,
    },
  ];
  for (const { name, unavailable, old, fresh, expected } of cases) {
    const d = deployment(10, 2, unavailable);
    const [scaling] = scaleDownOldSets(d, [old, fresh], [old], fresh);
    assert.equal(scaling?.replicas, expected, name);
  }
});

test('scaling a rollout in progress is spread in proportion', () => {
  const cases: { name: string; replicas: number; sets: [number, number][]; expected: number[] }[] = [
    {
      name: 'up from 10 to 12',
      replicas: 12,
      sets: [
        [5, 10],
        [5, 10],
      ],
      expected: [6, 6],
    },
    {
      name: 'down from 10 to 6',
      replicas: 6,
      sets: [
        [5, 10],
        [5, 10],
      ],
      expected: [3, 3],
    },
    {
      name: 'to zero',
      replicas: 0,
      sets: [
        [5, 10],
        [5, 10],
      ],
      expected: [0, 0],
    },
    {
      name: 'the largest takes the rest',
      replicas: 11,
      sets: [
        [8, 10],
        [1, 10],
        [1, 10],
      ],
      expected: [9, 1, 1],
    },
  ];
  for (const { name, replicas, sets, expected } of cases) {
    const all = sets.map(([size, before], i) => set(`rs-${i}`, size, size, sets.length - i, before));
    const scaled = proportionalScaling(deployment(replicas, 0, 1), all);
    const byName = new Map(scaled.map((s) => [s.set.metadata.name, s.replicas]));
    assert.deepEqual(
      all.map((rs) => byName.get(rs.metadata.name)),
      expected,
      name,
    );
  }
});

test('the new set is the oldest with an equal template, whatever its hash label', () => {
  const d = deployment(1, 1, 0);
  const withTemplate = (name: string, app: string, age: number): ReplicaSet => {
    const rs = set(name, 1, 1, age);
    rs.spec.template = { metadata: { labels: { 'pod-template-hash': name, app } } };
    return rs;
  };
  const sets = [withTemplate('young', 'web', 1), withTemplate('old', 'web', 9), withTemplate('other', 'db', 20)];
  assert.equal(findNewSet(d, sets)?.metadata.name, 'old');
});
