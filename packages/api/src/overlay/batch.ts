import type { Overlay } from './apply.js';

/** Merge behaviour and quantities of io.k8s.api.batch. */
export const batchOverlay: Overlay = {
  'io.k8s.api.batch.v1': {
    JobStatus: { conditions: 'patch=merge:type' },
    PodFailurePolicyOnExitCodesRequirement: { values: 'set' },
    UncountedTerminatedPods: { failed: 'set', succeeded: 'set' },
  },
};
