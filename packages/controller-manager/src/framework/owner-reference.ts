import type { V1ObjectMeta, V1OwnerReference } from '@kubelab/api';

interface Owner {
  apiVersion?: string;
  kind?: string;
  metadata?: V1ObjectMeta;
}

/** The reference by which `owner` controls its children (metav1.NewControllerRef). */
export function controllerRef(owner: Owner): V1OwnerReference {
  return {
    apiVersion: owner.apiVersion ?? '',
    kind: owner.kind ?? '',
    name: owner.metadata?.name ?? '',
    uid: owner.metadata?.uid ?? '',
    controller: true,
    blockOwnerDeletion: true,
  };
}

/** The owner reference with `controller: true`, if any. */
export function controllerOf(object: { metadata?: V1ObjectMeta }): V1OwnerReference | undefined {
  return object.metadata?.ownerReferences?.find((reference) => reference.controller === true);
}

export function isControlledBy(object: { metadata?: V1ObjectMeta }, owner: { metadata?: V1ObjectMeta }): boolean {
  return controllerOf(object)?.uid === owner.metadata?.uid && owner.metadata?.uid !== undefined;
}

/** Key of the object's controller if it is of the given kind and API group, for mapping children to queue keys. */
export function controllerKey(object: { metadata?: V1ObjectMeta }, group: string, kind: string): string | undefined {
  const reference = controllerOf(object);
  if (reference?.kind !== kind || groupOf(reference.apiVersion) !== group) return undefined;
  return object.metadata?.namespace ? `${object.metadata.namespace}/${reference.name}` : reference.name;
}

/** API group of an apiVersion: `apps` of `apps/v1`, empty for `v1`. */
export function groupOf(apiVersion: string): string {
  const slash = apiVersion.indexOf('/');
  return slash < 0 ? '' : apiVersion.slice(0, slash);
}
