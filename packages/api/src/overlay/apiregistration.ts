import type { Overlay } from './apply.js';

/** Merge behaviour and quantities of io.k8s.kube-aggregator.pkg.apis.apiregistration. */
export const apiregistrationOverlay: Overlay = {
  'io.k8s.kube-aggregator.pkg.apis.apiregistration.v1': {
    APIServiceStatus: { conditions: 'map=type patch=merge:type' },
  },
};
