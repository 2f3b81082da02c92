import { csiDriverColumns, csiNodeColumns, storageClassColumns, volumeAttachmentColumns } from '../columns/groups.js';
import { setCsiDriverDefaults, setStorageClassDefaults } from '../defaults/groups.js';
import { defaultsOf, defineResource, statusOf } from '../define.js';
import type { ResourceEntry } from '../resource.js';
import * as strategies from '../strategy/groups.js';

const storage = { group: 'storage.k8s.io', typesPackage: 'io.k8s.api.storage' };
const row = { versions: ['v1'], namespaced: false, allowUnconditionalUpdate: true };

/** storage.k8s.io. */
export const storageResources: ResourceEntry[] = [
  defineResource(storage, {
    ...row,
    resource: 'csidrivers',
    kind: 'CSIDriver',
    columns: csiDriverColumns,
    strategy: strategies.csiDriverStrategy,
    defaults: defaultsOf(setCsiDriverDefaults),
  }),
  defineResource(storage, { ...row, resource: 'csinodes', kind: 'CSINode', columns: csiNodeColumns }),
  defineResource(storage, { ...row, resource: 'csistoragecapacities', kind: 'CSIStorageCapacity', namespaced: true }),
  defineResource(storage, {
    ...row,
    resource: 'storageclasses',
    kind: 'StorageClass',
    shortNames: ['sc'],
    columns: storageClassColumns,
    strategy: strategies.storageClassStrategy,
    defaults: defaultsOf(setStorageClassDefaults),
  }),
  defineResource(storage, {
    ...row,
    resource: 'volumeattachments',
    kind: 'VolumeAttachment',
    columns: volumeAttachmentColumns,
    strategy: strategies.volumeAttachmentStrategy,
    subresources: { status: statusOf('VolumeAttachment', strategies.plainStatusStrategy) },
  }),
];
