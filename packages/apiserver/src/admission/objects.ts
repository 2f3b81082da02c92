import type { V1Container, V1PodSpec } from '@kubelab/api';
import type { KubeObject } from '@kubelab/apimachinery';
import type { AdmissionAttributes, AdmissionOperation } from './plugin.js';

/** Whether the request is about this resource of the core group (main resource only, unless a subresource is named). */
export function isCore(a: AdmissionAttributes, resource: string, subresource = ''): boolean {
  return a.resource.group === '' && a.resource.resource === resource && a.subresource === subresource;
}

/** The spec of a pod; made when it is missing, so that plugins can write into it. */
export function podSpec(obj: KubeObject): V1PodSpec {
  if (typeof obj.spec !== 'object' || obj.spec === null) obj.spec = { containers: [] };
  return obj.spec as V1PodSpec;
}

/** Init, regular and ephemeral containers. */
export function allContainers(spec: V1PodSpec): V1Container[] {
  return [
    ...(spec.initContainers ?? []),
    ...(spec.containers ?? []),
    ...((spec.ephemeralContainers ?? []) as unknown as V1Container[]),
  ];
}

export const isMirrorPod = (pod: KubeObject): boolean =>
  pod.metadata.annotations?.['kubernetes.io/config.mirror'] !== undefined;

/** A `handles` for a fixed set of operations. */
export const only =
  (...operations: AdmissionOperation[]) =>
  (operation: AdmissionOperation): boolean =>
    operations.includes(operation);
