import type { Overlay } from './apply.js';

/** Merge behaviour and quantities of io.k8s.api.policy. */
export const policyOverlay: Overlay = {
  'io.k8s.api.policy.v1': {
    PodDisruptionBudgetSpec: { selector: 'patch=replace' },
    PodDisruptionBudgetStatus: { conditions: 'map=type patch=merge:type' },
  },
};
