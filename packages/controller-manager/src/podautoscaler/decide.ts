import type { V2HPAScalingRules } from '@kubelab/api';
import type { HorizontalPodAutoscaler } from '../framework/kinds.js';
import {
  defaultScaleDown,
  defaultScaleUp,
  type Recommendation,
  type ScaleEvent,
  scaleDownLimit,
  scaleUpLimit,
  stabilize,
} from './behavior.js';

/** What was recommended and done lately, for windows and rates. A restart starts it anew, as in Kubernetes. */
export interface ScalingHistory {
  recommendations: Recommendation[];
  ups: ScaleEvent[];
  downs: ScaleEvent[];
}

/** The size at the start counts as recommended: nothing is scaled down before it was watched for a window. */
export const newHistory = (size: number, nowMs: number): ScalingHistory => ({
  recommendations: [{ atMs: nowMs, replicas: size }],
  ups: [],
  downs: [],
});

const keptMs = 3_600_000;

export interface Decision {
  replicas: number;
  limited: { status: 'True' | 'False'; reason: string; message: string };
  /** Why the autoscaler is able to scale, or what recent recommendations made of this one (condition AbleToScale). */
  stability: { reason: string; message: string };
}

function stabilityOf(wanted: number, stable: number): Decision['stability'] {
  if (stable > wanted) {
    const message = 'recent recommendations were higher than current one, applying the highest recent recommendation';
    return { reason: 'ScaleDownStabilized', message };
  }
  if (stable < wanted) {
    const message = 'recent recommendations were lower than current one, applying the lowest recent recommendation';
    return { reason: 'ScaleUpStabilized', message };
  }
  return { reason: 'ReadyForNewScale', message: 'recommended size matches current size' };
}

/** Fits what the metrics ask for to the windows, rates and bounds of the autoscaler. */
export function decideReplicas(
  hpa: HorizontalPodAutoscaler,
  wanted: number,
  current: number,
  history: ScalingHistory,
  downscaleStabilizationMs: number,
  nowMs: number,
): Decision {
  const up: V2HPAScalingRules = { ...defaultScaleUp, ...hpa.spec.behavior?.scaleUp };
  const down: V2HPAScalingRules = { ...defaultScaleDown, ...hpa.spec.behavior?.scaleDown };
  const downWindow = down.stabilizationWindowSeconds;
  const stable = stabilize(
    wanted,
    current,
    history.recommendations,
    (up.stabilizationWindowSeconds ?? 0) * 1000,
    downWindow === undefined ? downscaleStabilizationMs : downWindow * 1000,
    nowMs,
  );
  history.recommendations.push({ atMs: nowMs, replicas: wanted });
  const bounded = withinRates(hpa, stable, current, history, up, down, nowMs);
  return { ...bounded, stability: stabilityOf(wanted, stable) };
}

function withinRates(
  hpa: HorizontalPodAutoscaler,
  stable: number,
  current: number,
  history: ScalingHistory,
  up: V2HPAScalingRules,
  down: V2HPAScalingRules,
  nowMs: number,
): Omit<Decision, 'stability'> {
  for (const list of [history.recommendations, history.ups, history.downs]) {
    while (list[0] && list[0].atMs < nowMs - keptMs) list.shift();
  }
  const min = hpa.spec.minReplicas ?? 1;
  const max = hpa.spec.maxReplicas;
  const limited = (reason: string, message: string): Decision['limited'] => ({ status: 'True', reason, message });
  if (stable > current) {
    const rate = Math.max(current, scaleUpLimit(up, current, history.ups, history.downs, nowMs));
    if (stable > Math.min(rate, max)) {
      return rate < max
        ? {
            replicas: rate,
            limited: limited(
              'ScaleUpLimit',
              'the desired replica count is increasing faster than the maximum scale rate',
            ),
          }
        : {
            replicas: max,
            limited: limited('TooManyReplicas', 'the desired replica count is more than the maximum replica count'),
          };
    }
  } else if (stable < current) {
    const rate = Math.min(current, scaleDownLimit(down, current, history.ups, history.downs, nowMs));
    if (stable < Math.max(rate, min)) {
      return rate > min
        ? {
            replicas: rate,
            limited: limited(
              'ScaleDownLimit',
              'the desired replica count is decreasing faster than the maximum scale rate',
            ),
          }
        : {
            replicas: min,
            limited: limited('TooFewReplicas', 'the desired replica count is less than the minimum replica count'),
          };
    }
  }
  const within = Math.min(Math.max(stable, min), max);
  if (within > stable)
    return {
      replicas: within,
      limited: limited('TooFewReplicas', 'the desired replica count is less than the minimum replica count'),
    };
  if (within < stable)
    return {
      replicas: within,
      limited: limited('TooManyReplicas', 'the desired replica count is more than the maximum replica count'),
    };
  return {
    replicas: within,
    limited: {
      status: 'False',
      reason: 'DesiredWithinRange',
      message: 'the desired count is within the acceptable range',
    },
  };
}
