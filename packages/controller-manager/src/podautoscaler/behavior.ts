import type { V2HPAScalingPolicy, V2HPAScalingRules } from '@kubelab/api';

/** A change of size that was made. */
export interface ScaleEvent {
  atMs: number;
  change: number;
}

export interface Recommendation {
  atMs: number;
  replicas: number;
}

export const defaultScaleUp: V2HPAScalingRules = {
  stabilizationWindowSeconds: 0,
  selectPolicy: 'Max',
  policies: [
    { type: 'Pods', value: 4, periodSeconds: 15 },
    { type: 'Percent', value: 100, periodSeconds: 15 },
  ],
};

export const defaultScaleDown: V2HPAScalingRules = {
  selectPolicy: 'Max',
  policies: [{ type: 'Percent', value: 100, periodSeconds: 15 }],
};

const changeSince = (events: ScaleEvent[], periodSeconds: number, nowMs: number): number =>
  events.filter(({ atMs }) => atMs > nowMs - periodSeconds * 1000).reduce((sum, { change }) => sum + change, 0);

/** The most replicas that the scale-up rules allow now, given what was added lately. */
export function scaleUpLimit(
  rules: V2HPAScalingRules,
  current: number,
  ups: ScaleEvent[],
  downs: ScaleEvent[],
  nowMs: number,
): number {
  if (rules.selectPolicy === 'Disabled') return current;
  const limit = (policy: V2HPAScalingPolicy): number => {
    const start =
      current - changeSince(ups, policy.periodSeconds, nowMs) + changeSince(downs, policy.periodSeconds, nowMs);
    return policy.type === 'Pods' ? start + policy.value : Math.ceil(start * (1 + policy.value / 100));
  };
  const limits = (rules.policies ?? []).map(limit);
  return rules.selectPolicy === 'Min' ? Math.min(...limits) : Math.max(...limits);
}

/** The fewest replicas that the scale-down rules allow now. */
export function scaleDownLimit(
  rules: V2HPAScalingRules,
  current: number,
  ups: ScaleEvent[],
  downs: ScaleEvent[],
  nowMs: number,
): number {
  if (rules.selectPolicy === 'Disabled') return current;
  const limit = (policy: V2HPAScalingPolicy): number => {
    const start =
      current - changeSince(ups, policy.periodSeconds, nowMs) + changeSince(downs, policy.periodSeconds, nowMs);
    return policy.type === 'Pods' ? start - policy.value : Math.trunc(start * (1 - policy.value / 100));
  };
  const limits = (rules.policies ?? []).map(limit);
  return Math.max(0, rules.selectPolicy === 'Min' ? Math.max(...limits) : Math.min(...limits));
}

/** Holds a change back until it was wanted all through the window: the highest (down) or lowest (up) of the recent. */
export function stabilize(
  wanted: number,
  current: number,
  recommendations: Recommendation[],
  upWindowMs: number,
  downWindowMs: number,
  nowMs: number,
): number {
  const within = (windowMs: number): number[] =>
    recommendations.filter(({ atMs }) => atMs > nowMs - windowMs).map(({ replicas }) => replicas);
  const lowest = Math.min(wanted, ...within(upWindowMs));
  const highest = Math.max(wanted, ...within(downWindowMs));
  return Math.min(Math.max(current, lowest), highest);
}
