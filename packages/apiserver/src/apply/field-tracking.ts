import { type ResourceEntry, type ResourceVersion, resolveSchema } from '@kubelab/api';
import { type KubeObject, type Schema, serverSideApply, updateManagedFields } from '@kubelab/apimachinery';
import { groupVersionText, toServed, toStored, versionOfEntry } from '../registry/versioning.js';

/** Who writes what, in which version. */
export interface TrackedWrite {
  entry: ResourceEntry;
  /** The version of the request: ownership is noted in it. */
  served: ResourceVersion;
  /** Empty for the main resource. */
  subresource: string;
  manager: string;
}

const openSchema: Schema = { type: 'object' };

function schemaOf(served: ResourceVersion): Schema {
  return served.schema ?? resolveSchema(served.schemaName) ?? openSchema;
}

/** What a write can't change, and so nobody owns by it. */
function resetFields(w: TrackedWrite): string[][] {
  if (w.subresource === 'status') return [['spec'], ['metadata', 'ownerReferences']];
  if (w.subresource === '' && w.entry.subresources.status) return [['status']];
  return [];
}

function common(w: TrackedWrite) {
  const apiVersion = groupVersionText(w.entry.group, w.served.version);
  return {
    manager: w.manager,
    apiVersion,
    subresource: w.subresource,
    schema: schemaOf(w.served),
    resolve: resolveSchema,
    resetFields: resetFields(w),
    // Other versions are reached through the stored one.
    inVersion: (obj: KubeObject, wanted: string) => {
      const served = versionOfEntry(w.entry, wanted.split('/').pop() ?? '');
      // A webhook can't be asked from here: what was noted in such a version is no longer followed.
      if (!served || served.convert || groupVersionText(w.entry.group, served.version) !== wanted) return undefined;
      return { obj: toServed(w.entry, served, toStored(w.entry, w.served, obj)), schema: schemaOf(served) };
    },
  };
}

/**
 * Notes in `object.metadata.managedFields` what a create, update or patch changed. Both objects are in the storage
 * version; `object` is final (defaulted, admitted) and private to the caller.
 */
export function trackFields(w: TrackedWrite, object: KubeObject, old: KubeObject | undefined): void {
  const shown = toServed(w.entry, w.served, object);
  updateManagedFields({ ...common(w), updated: shown, ...(old ? { live: toServed(w.entry, w.served, old) } : {}) });
  if (shown.metadata.managedFields) object.metadata.managedFields = shown.metadata.managedFields;
  else delete object.metadata.managedFields;
}

/**
 * The object that server-side apply of a configuration makes, in the request's version and private to the caller.
 * @param live in the storage version; undefined when the apply creates the object
 * @param config decoded, in the request's version, without defaults
 * @throws StatusError Conflict, BadRequest
 */
export function applyConfiguration(
  w: TrackedWrite,
  live: KubeObject | undefined,
  config: KubeObject,
  force: boolean,
): KubeObject {
  return serverSideApply({ ...common(w), config, force, ...(live ? { live: toServed(w.entry, w.served, live) } : {}) });
}
