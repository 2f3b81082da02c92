import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { DaemonSet, Node, Pod } from '../framework/kinds.js';
import { revisionHashLabel } from '../history/index.js';
import { type DaemonState, rollingUpdatePlan } from './plan.js';

const node = (name: string) => ({ metadata: { name, labels: {} }, spec: {} }) as unknown as Node;
const pod = (name: string, nodeName: string, hash: string, ready: boolean) =>
  ({
    metadata: { name, uid: name, labels: { [revisionHashLabel]: hash }, creationTimestamp: '2020-01-01T00:00:00Z' },
    spec: { nodeName, containers: [] },
    status: {
      phase: 'Running',
      conditions: [{ type: 'Ready', status: ready ? 'True' : 'False', lastTransitionTime: '2020-01-01T00:00:00Z' }],
    },
  }) as unknown as Pod;
const ds = {
  metadata: { name: 'd', namespace: 'n' },
  spec: {
    selector: {},
    template: { metadata: {}, spec: { containers: [] } },
    updateStrategy: { type: 'RollingUpdate', rollingUpdate: { maxUnavailable: 1, maxSurge: 0 } },
  },
} as unknown as DaemonSet;
const state = (...pods: Pod[]): DaemonState => ({
  ds,
  nodes: [node('a'), node('b')],
  podsByNode: new Map(pods.map((p) => [p.spec.nodeName ?? '', [p]])),
  hash: 'new',
  nowMs: Date.parse('2021-01-01T00:00:00Z'),
});
const deletions = (...pods: Pod[]) => rollingUpdatePlan(state(...pods)).delete.map(({ metadata }) => metadata.name);

test('a rolling update takes one node at a time', () => {
  assert.deepEqual(deletions(pod('1', 'a', 'old', true), pod('2', 'b', 'old', true)), ['1']);
  assert.deepEqual(deletions(pod('1', 'a', 'new', false), pod('2', 'b', 'old', true)), []);
  assert.deepEqual(deletions(pod('1', 'a', 'new', true), pod('2', 'b', 'old', true)), ['2']);
});

test('a node whose pod is gone and not yet replaced counts as unavailable', () => {
  assert.deepEqual(deletions(pod('2', 'b', 'old', true)), []);
});
