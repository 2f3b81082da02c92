import type { V1ObjectMeta } from '@kubelab/api';

/** Metadata of an object that came from the API server, where the server has filled these fields. */
export interface LiveMeta extends V1ObjectMeta {
  name: string;
  /** Empty text is never stored: cluster-scoped objects have no such field. Typed as present for namespaced kinds. */
  namespace: string;
  uid: string;
  resourceVersion: string;
  creationTimestamp: string;
}

/** An object as the API server hands it out: identity always set, `spec` present where the kind has one. */
export type Live<T> = T & { apiVersion: string; kind: string; metadata: LiveMeta } & (T extends { spec?: infer S }
    ? { spec: NonNullable<S> }
    : unknown);

/** `namespace/name`, the key of namespaced reconcilers. */
export function keyOf(object: { metadata?: V1ObjectMeta }): string {
  const meta = object.metadata;
  return meta?.namespace ? `${meta.namespace}/${meta.name}` : (meta?.name ?? '');
}
