import type { Overlay } from './apply.js';

/** Merge behaviour and quantities of io.k8s.api.certificates. */
export const certificatesOverlay: Overlay = {
  'io.k8s.api.certificates.v1': {
    CertificateSigningRequestStatus: { conditions: 'map=type' },
  },
};
