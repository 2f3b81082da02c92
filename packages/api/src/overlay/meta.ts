import type { Overlay } from './apply.js';

/** Merge behaviour and quantities of io.k8s.apimachinery.pkg.apis.meta. */
export const metaOverlay: Overlay = {
  'io.k8s.apimachinery.pkg.apis.meta.v1': {
    LabelSelector: { '': 'atomic' },
    ObjectMeta: { finalizers: 'set patch=merge', ownerReferences: 'map=uid patch=merge:uid' },
    OwnerReference: { '': 'atomic' },
  },
};
