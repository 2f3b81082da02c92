import type { Overlay } from './apply.js';

/** Merge behaviour and quantities of io.k8s.api.discovery. */
export const discoveryOverlay: Overlay = {
  'io.k8s.api.discovery.v1': {
    Endpoint: { addresses: 'set' },
    EndpointPort: { '': 'atomic' },
  },
};
