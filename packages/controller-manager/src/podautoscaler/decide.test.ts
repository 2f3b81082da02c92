import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { V2HorizontalPodAutoscalerBehavior } from '@kubelab/api';
import type { HorizontalPodAutoscaler } from '../framework/kinds.js';
import { decideReplicas, newHistory } from './decide.js';

const minute = 60_000;
const start = Date.parse('2020-01-01T00:00:00Z');
const hpa = (behavior?: V2HorizontalPodAutoscalerBehavior) =>
  ({ spec: { minReplicas: 1, maxReplicas: 10, behavior } }) as unknown as HorizontalPodAutoscaler;

test('more load is followed at once, up to four pods or twice the size', () => {
  const decide = (wanted: number, current: number) =>
    decideReplicas(hpa(), wanted, current, newHistory(current, start), 5 * minute, start);
  assert.equal(decide(3, 1).replicas, 3);
  assert.deepEqual([decide(9, 2).replicas, decide(9, 2).limited.reason], [6, 'ScaleUpLimit']);
  assert.deepEqual([decide(30, 8).replicas, decide(30, 8).limited.reason], [10, 'TooManyReplicas']);
  assert.equal(decide(3, 1).stability.reason, 'ReadyForNewScale');
});

test('less load is followed when it was less for the whole window, from the first look on', () => {
  const history = newHistory(4, start);
  const at = (ms: number) => decideReplicas(hpa(), 1, 4, history, 5 * minute, start + ms);
  assert.deepEqual([at(0).replicas, at(minute).stability.reason], [4, 'ScaleDownStabilized']);
  assert.equal(at(4 * minute).replicas, 4);
  assert.deepEqual([at(6 * minute).replicas, at(6 * minute).stability.reason], [1, 'ReadyForNewScale']);
});

test('behaviours set windows and rates, or forbid a direction', () => {
  const behavior = (scaleDown: object) => hpa({ scaleDown } as V2HorizontalPodAutoscalerBehavior);
  const policies = [{ type: 'Pods', value: 1, periodSeconds: 60 }];
  const slow = behavior({ stabilizationWindowSeconds: 0, policies });
  const first = decideReplicas(slow, 1, 4, newHistory(4, start - minute), 5 * minute, start);
  assert.deepEqual([first.replicas, first.limited.reason], [3, 'ScaleDownLimit']);
  const never = behavior({ stabilizationWindowSeconds: 0, selectPolicy: 'Disabled' });
  assert.equal(decideReplicas(never, 1, 4, newHistory(4, start - minute), 5 * minute, start).replicas, 4);
});
