import { wireMessage, wirePackage } from './wire-table.js';

/** What every protobuf body of Kubernetes begins with (runtime/serializer/protobuf). */
export const magic = Buffer.from('k8s\0', 'latin1');

/** Kinds that are of the meta package whatever group they are sent under. */
const metaKinds = new Set([
  'APIGroup',
  'APIGroupList',
  'APIResourceList',
  'APIVersions',
  'CreateOptions',
  'DeleteOptions',
  'ListOptions',
  'PatchOptions',
  'Status',
  'UpdateOptions',
]);

/** The message of a kind; undefined when it has no protobuf form. */
export function messageOf(apiVersion: string, kind: string): string | undefined {
  const name = metaKinds.has(kind) ? `meta.${kind}` : `${packageOf(apiVersion, kind)}.${kind}`;
  return wireMessage(name) && name;
}

function packageOf(apiVersion: string, kind: string): string {
  if (apiVersion === 'meta.k8s.io/v1') {
    return 'meta';
  }
  if (apiVersion === 'meta.k8s.io/v1beta1') {
    // The single object is that of v1; the list has its fields in another order.
    return kind === 'PartialObjectMetadata' ? 'meta' : 'metav1beta1';
  }
  return wirePackage(apiVersion);
}
