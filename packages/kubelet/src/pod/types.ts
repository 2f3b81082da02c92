import type { V1Container, V1EphemeralContainer, V1ObjectMeta, V1Pod, V1PodSpec } from '@kubelab/api';

/** A pod as the agent works with it: named, with a UID and a spec. */
export interface Pod extends V1Pod {
  metadata: V1ObjectMeta & { name: string; namespace: string; uid: string };
  spec: V1PodSpec;
}

export type ContainerKind = 'init' | 'regular' | 'ephemeral';

/** Annotations that static pods and their mirrors carry. */
export const configSourceAnnotation = 'kubernetes.io/config.source';
export const configMirrorAnnotation = 'kubernetes.io/config.mirror';
export const configHashAnnotation = 'kubernetes.io/config.hash';
export const configSeenAnnotation = 'kubernetes.io/config.seen';

/** Whether the object has what a Pod needs; anything else from a source is refused. */
export function isPod(pod: V1Pod): pod is Pod {
  const meta = pod.metadata;
  return Boolean(meta?.name && meta.namespace && meta.uid && pod.spec);
}

/** namespace/name: what a mirror pod and its static pod share. */
export function podFullName(pod: Pod): string {
  return `${pod.metadata.namespace}/${pod.metadata.name}`;
}

/** `name_namespace(uid)`: how messages of the kubelet name a pod. */
export function formatPod(pod: Pod): string {
  return `${pod.metadata.name}_${pod.metadata.namespace}(${pod.metadata.uid})`;
}

export function isMirrorPod(pod: V1Pod): boolean {
  return pod.metadata?.annotations?.[configMirrorAnnotation] !== undefined;
}

/** Whether the pod comes from a file or a URL and not from the API server. */
export function isStaticPod(pod: V1Pod): boolean {
  const source = pod.metadata?.annotations?.[configSourceAnnotation];
  return source !== undefined && source !== 'api';
}

/** A native sidecar: an init container that keeps running (KEP-753). */
export function isSidecar(container: V1Container): boolean {
  return container.restartPolicy === 'Always';
}

/** All containers of the pod with what kind each is, in starting order. */
export function* allContainers(pod: Pod): Generator<{ container: V1Container; kind: ContainerKind }> {
  for (const container of pod.spec.initContainers ?? []) yield { container, kind: 'init' };
  for (const container of pod.spec.containers) yield { container, kind: 'regular' };
  for (const container of pod.spec.ephemeralContainers ?? []) yield { container, kind: 'ephemeral' };
}

export function findContainer(pod: Pod, name: string): { container: V1Container; kind: ContainerKind } | undefined {
  for (const entry of allContainers(pod)) {
    if (entry.container.name === name) return entry;
  }
  return undefined;
}

/** fieldPath of a container in events: `spec.containers{web}`. */
export function containerFieldPath(container: V1Container | V1EphemeralContainer, kind: ContainerKind): string {
  const list = { init: 'initContainers', regular: 'containers', ephemeral: 'ephemeralContainers' }[kind];
  return `spec.${list}{${container.name}}`;
}
