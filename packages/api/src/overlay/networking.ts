import type { Overlay } from './apply.js';

/** Merge behaviour and quantities of io.k8s.api.networking. */
export const networkingOverlay: Overlay = {
  'io.k8s.api.networking.v1': {
    ServiceBackendPort: { '': 'atomic' },
    ServiceCIDRStatus: { conditions: 'map=type patch=merge:type' },
  },
  'io.k8s.api.networking.v1beta1': {
    ServiceCIDRStatus: { conditions: 'map=type patch=merge:type' },
  },
};
