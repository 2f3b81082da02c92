import type { V1OwnerReference, V1Pod } from '@kubelab/api';

/** The owner that controls a pod. */
export function controllerOf(pod: V1Pod): V1OwnerReference | undefined {
  return pod.metadata?.ownerReferences?.find((r) => r.controller);
}
