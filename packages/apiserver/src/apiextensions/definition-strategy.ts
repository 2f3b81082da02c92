import type { ResourceEntry } from '@kubelab/api';
import { deepEqual, type KubeObject } from '@kubelab/apimachinery';
import { type CustomResourceDefinition, cleanupFinalizer, storageVersionOf } from './definition.js';
import { validateDefinition } from './validate-definition.js';

const as = (obj: KubeObject) => obj as CustomResourceDefinition;

/** The storage version is one that objects may be stored in from now on. */
function noteStoredVersion(crd: CustomResourceDefinition, storedVersions: string[]): void {
  const version = storageVersionOf(crd);
  const all = storedVersions.includes(version) || version === '' ? storedVersions : [...storedVersions, version];
  crd.status = { conditions: [], ...crd.status, storedVersions: all };
  crd.status.acceptedNames ??= { plural: '', kind: '' };
}

/** Gives the row of customresourcedefinitions its strategy (defaults and columns are the table's). */
export function completeDefinitionEntry(entry: ResourceEntry): void {
  entry.strategy = {
    prepareForCreate(obj) {
      delete obj.status;
      noteStoredVersion(as(obj), []);
      obj.metadata.generation = 1;
      obj.metadata.finalizers = [...new Set([...(obj.metadata.finalizers ?? []), cleanupFinalizer])];
    },
    prepareForUpdate(obj, old) {
      obj.status = structuredClone(old.status);
      noteStoredVersion(as(obj), as(old).status?.storedVersions ?? []);
      const changed = !deepEqual(obj.spec, old.spec);
      obj.metadata.generation = (old.metadata.generation ?? 0) + (changed ? 1 : 0);
    },
    validateCreate: (obj) => validateDefinition(as(obj)),
    validateUpdate: (obj, old) => validateDefinition(as(obj), as(old)),
  };
}
