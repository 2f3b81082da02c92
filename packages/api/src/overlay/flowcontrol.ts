import type { Overlay } from './apply.js';

/** Merge behaviour and quantities of io.k8s.api.flowcontrol. */
export const flowcontrolOverlay: Overlay = {
  'io.k8s.api.flowcontrol.v1': {
    FlowSchemaStatus: { conditions: 'map=type patch=merge:type' },
    NonResourcePolicyRule: { nonResourceURLs: 'set', verbs: 'set' },
    PriorityLevelConfigurationStatus: { conditions: 'map=type patch=merge:type' },
    ResourcePolicyRule: { apiGroups: 'set', namespaces: 'set', resources: 'set', verbs: 'set' },
  },
};
