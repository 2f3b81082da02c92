import type { Overlay } from './apply.js';

/** Merge behaviour and quantities of io.k8s.api.rbac. */
export const rbacOverlay: Overlay = {
  'io.k8s.api.rbac.v1': {
    RoleRef: { '': 'atomic' },
    Subject: { '': 'atomic' },
  },
};
