import type { Overlay } from './apply.js';

/** Merge behaviour and quantities of io.k8s.api.node. */
export const nodeOverlay: Overlay = {
  'io.k8s.api.node.v1': {
    Overhead: { podFixed: 'quantity' },
    Scheduling: { nodeSelector: 'atomic' },
  },
};
