import assert from 'node:assert/strict';
import test from 'node:test';
import type { Pod } from '../framework/kinds.js';
import { podsToDelete } from './pod-ranking.js';

const nowMs = Date.parse('2026-01-01T00:00:00Z');

interface Spec {
  node?: string;
  phase?: string;
  readySeconds?: number;
  cost?: string;
  restarts?: number;
  ageSeconds?: number;
}

function pod(name: string, { node, phase = 'Running', readySeconds, cost, restarts = 0, ageSeconds = 100 }: Spec): Pod {
  const before = (seconds: number): string => new Date(nowMs - seconds * 1000).toISOString();
  return {
    apiVersion: 'v1',
    kind: 'Pod',
    metadata: {
      name,
      namespace: 'default',
      uid: name,
      resourceVersion: '1',
      creationTimestamp: before(ageSeconds),
      annotations: cost ? { 'controller.kubernetes.io/pod-deletion-cost': cost } : {},
    },
    spec: { containers: [], nodeName: node },
    status: {
      phase,
      conditions:
        readySeconds === undefined ? [] : [{ type: 'Ready', status: 'True', lastTransitionTime: before(readySeconds) }],
      containerStatuses: [{ name: 'c', image: '', imageID: '', ready: true, restartCount: restarts }],
    },
  };
}

const ready: Spec = { node: 'a', readySeconds: 50 };

test('which of two pods is deleted first', () => {
  const cases: [string, Spec, Spec][] = [
    ['unassigned before assigned', {}, { node: 'a' }],
    ['pending before running', { node: 'a', phase: 'Pending' }, { node: 'a' }],
    ['not ready before ready', { node: 'a' }, ready],
    ['cheap before dear', { ...ready, cost: '-5' }, { ...ready, cost: '10' }],
    ['ready for a short time before long', { ...ready, readySeconds: 2 }, { ...ready, readySeconds: 90 }],
    ['often restarted before seldom', { ...ready, restarts: 3 }, ready],
    ['young before old', { ...ready, ageSeconds: 60 }, { ...ready, ageSeconds: 6000 }],
  ];
  for (const [name, first, second] of cases) {
    const pods = [pod('keep', second), pod('go', first)];
    assert.deepEqual(
      podsToDelete(pods, pods, 1, nowMs).map(({ metadata }) => metadata.name),
      ['go'],
      name,
    );
  }
});

test('a crowded node gives up its pods first', () => {
  const pods = [pod('alone', { ...ready, node: 'b' }), pod('one', ready), pod('two', ready)];
  const [chosen] = podsToDelete(pods, pods, 1, nowMs);
  assert.notEqual(chosen?.metadata.name, 'alone');
});
