import type { Overlay } from './apply.js';

/** Merge behaviour and quantities of io.k8s.api.storage. */
export const storageOverlay: Overlay = {
  'io.k8s.api.storage.v1': {
    CSIDriverSpec: { volumeLifecycleModes: 'set' },
    CSINodeSpec: { drivers: 'map=name patch=merge:name' },
    CSIStorageCapacity: { capacity: 'quantity', maximumVolumeSize: 'quantity' },
  },
};
