import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { V1Pod } from '../generated/types.js';
import { mergeMatchLabelKeys } from './match-label-keys.js';

test('label keys of affinity terms become requirements with the values of the pod', () => {
  const term = {
    topologyKey: 'zone',
    labelSelector: { matchLabels: { app: 'web' } },
    matchLabelKeys: ['version', 'absent'],
    mismatchLabelKeys: ['tenant'],
  };
  const bare = { topologyKey: 'zone', matchLabelKeys: ['version'] };
  const pod: V1Pod = {
    metadata: { name: 'p', labels: { app: 'web', version: '2', tenant: 'x' } },
    spec: {
      containers: [],
      affinity: {
        podAffinity: { requiredDuringSchedulingIgnoredDuringExecution: [structuredClone(term), bare] },
        podAntiAffinity: {
          preferredDuringSchedulingIgnoredDuringExecution: [{ weight: 1, podAffinityTerm: structuredClone(term) }],
        },
      },
    },
  };
  mergeMatchLabelKeys(pod);
  const expected = [
    { key: 'version', operator: 'In', values: ['2'] },
    { key: 'tenant', operator: 'NotIn', values: ['x'] },
  ];
  const { podAffinity, podAntiAffinity } = pod.spec?.affinity ?? {};
  const required = podAffinity?.requiredDuringSchedulingIgnoredDuringExecution ?? [];
  assert.deepEqual(required[0]?.labelSelector, { matchLabels: { app: 'web' }, matchExpressions: expected });
  assert.equal(required[1]?.labelSelector, undefined);
  const preferred = podAntiAffinity?.preferredDuringSchedulingIgnoredDuringExecution?.[0]?.podAffinityTerm;
  assert.deepEqual(preferred?.labelSelector?.matchExpressions, expected);
});
