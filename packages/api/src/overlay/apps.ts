import type { Overlay } from './apply.js';

/** Merge behaviour and quantities of io.k8s.api.apps. */
export const appsOverlay: Overlay = {
  'io.k8s.api.apps.v1': {
    DaemonSetStatus: { conditions: 'map=type patch=merge:type' },
    DeploymentSpec: { strategy: 'patch=retainKeys' },
    DeploymentStatus: { conditions: 'map=type patch=merge:type' },
    ReplicaSetStatus: { conditions: 'map=type patch=merge:type' },
    StatefulSetStatus: { conditions: 'map=type patch=merge:type' },
  },
};
