import type { Overlay } from './apply.js';

/** Merge behaviour and quantities of io.k8s.api.autoscaling. */
export const autoscalingOverlay: Overlay = {
  'io.k8s.api.autoscaling.v1': {
    CrossVersionObjectReference: { '': 'atomic' },
  },
  'io.k8s.api.autoscaling.v2': {
    HPAScalingRules: { tolerance: 'quantity' },
    HorizontalPodAutoscalerStatus: { conditions: 'map=type patch=merge:type' },
    MetricTarget: { averageValue: 'quantity', value: 'quantity' },
    MetricValueStatus: { averageValue: 'quantity', value: 'quantity' },
  },
};
