import type { ContainerMetadataOutput, PodSandboxMetadataOutput } from '@kubelab/cri';

/**
 * Docker names carry the metadata for two reasons: a human sees in `docker ps` what belongs where, and Docker refusing
 * a duplicate makes creating an attempt of a container idempotent. What the shim reads back is in labels.
 */
export function sandboxName(pod: PodSandboxMetadataOutput): string {
  return ['k8s', 'POD', pod.name, pod.namespace, pod.uid, String(pod.attempt)].map(clean).join('_');
}

export function containerName(container: ContainerMetadataOutput, pod: PodSandboxMetadataOutput): string {
  const parts = ['k8s', container.name, pod.name, pod.namespace, pod.uid, String(container.attempt)];
  return parts.map(clean).join('_');
}

/** Docker allows letters, digits, '_', '.' and '-'; '_' separates the parts. */
function clean(part: string): string {
  return part.replace(/[^a-zA-Z0-9.-]/g, '-');
}
