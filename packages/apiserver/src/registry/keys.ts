import type { ResourceEntry } from '@kubelab/api';

/** The key of an object below the etcd prefix: PREFIX/NAMESPACE/NAME, or PREFIX/NAME without a namespace. */
export function objectKeyOf(entry: ResourceEntry, namespace: string, name: string): string {
  return entry.namespaced ? `${entry.storagePrefix}/${namespace}/${name}` : `${entry.storagePrefix}/${name}`;
}

/** The prefix of all objects of a namespace, or of all namespaces. */
export function collectionPrefix(entry: ResourceEntry, namespace: string): string {
  return entry.namespaced && namespace !== '' ? `${entry.storagePrefix}/${namespace}/` : `${entry.storagePrefix}/`;
}
