import { defineResource, statusOf } from '../define.js';
import type { ResourceEntry } from '../resource.js';

const storage = { group: 'storage.k8s.io', typesPackage: 'io.k8s.api.storage' };
const v1 = ['v1'];

/** storage.k8s.io. */
export const storageResources: ResourceEntry[] = [
  defineResource(storage, { resource: 'csidrivers', kind: 'CSIDriver', versions: v1, namespaced: false }),
  defineResource(storage, { resource: 'csinodes', kind: 'CSINode', versions: v1, namespaced: false }),
  defineResource(storage, { resource: 'csistoragecapacities', kind: 'CSIStorageCapacity', versions: v1 }),
  defineResource(storage, {
    resource: 'storageclasses',
    kind: 'StorageClass',
    versions: v1,
    shortNames: ['sc'],
    namespaced: false,
  }),
  defineResource(storage, {
    resource: 'volumeattachments',
    kind: 'VolumeAttachment',
    versions: v1,
    namespaced: false,
    subresources: { status: statusOf('VolumeAttachment') },
  }),
];
