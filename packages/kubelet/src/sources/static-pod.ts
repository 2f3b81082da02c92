import { createHash } from 'node:crypto';
import type { V1Pod } from '@kubelab/api';
import { deepCopy, nowSecond } from '@kubelab/apimachinery';
import { parseAllDocuments } from 'yaml';
import { configHashAnnotation, configSeenAnnotation, configSourceAnnotation, isPod, type Pod } from '../pod/types.js';

/** A manifest that is no valid static pod. */
export class ManifestError extends Error {
  override readonly name = 'ManifestError';
}

/**
 * Pods of a manifest file or answer (a Pod or a PodList, YAML or JSON), made fit to run here: name with the node's,
 * UID from the content and where it came from, defaults the API server would have set.
 */
export function parseManifest(text: string, source: 'file' | 'http', origin: string, nodeName: string): Pod[] {
  const pods: Pod[] = [];
  for (const document of parseAllDocuments(text)) {
    const [error] = document.errors;
    if (error) throw new ManifestError(`${origin}: ${error.message}`, { cause: error });
    const value = document.toJS() as (V1Pod & { items?: V1Pod[] }) | null;
    if (!value) continue;
    if (value.apiVersion !== 'v1') throw new ManifestError(`${origin}: apiVersion must be v1`);
    const items = value.kind === 'PodList' ? (value.items ?? []) : value.kind === 'Pod' ? [value] : undefined;
    if (!items) throw new ManifestError(`${origin}: kind must be Pod or PodList, not ${value.kind}`);
    for (const item of items) pods.push(toStaticPod(item, source, origin, nodeName));
  }
  return pods;
}

function toStaticPod(manifest: V1Pod, source: string, origin: string, nodeName: string): Pod {
  const pod = deepCopy(manifest);
  const name = pod.metadata?.name;
  if (!name) throw new ManifestError(`${origin}: metadata.name is missing`);
  if (!pod.spec?.containers?.length) throw new ManifestError(`${origin}: spec.containers is missing`);
  const hash = createHash('md5');
  hash.update(`host:${nodeName}|${source}:${origin}|`).update(JSON.stringify(manifest));
  const uid = pod.metadata?.uid || hash.digest('hex');
  pod.apiVersion = 'v1';
  pod.kind = 'Pod';
  pod.metadata = {
    ...pod.metadata,
    name: `${name}-${nodeName.toLowerCase()}`,
    namespace: pod.metadata?.namespace || 'default',
    uid,
    annotations: {
      ...pod.metadata?.annotations,
      [configSourceAnnotation]: source,
      [configHashAnnotation]: uid,
      [configSeenAnnotation]: nowSecond(),
    },
  };
  delete pod.status;
  pod.spec = {
    restartPolicy: 'Always',
    dnsPolicy: 'ClusterFirst',
    terminationGracePeriodSeconds: 30,
    enableServiceLinks: true,
    schedulerName: 'default-scheduler',
    ...pod.spec,
    nodeName,
    // A node's own pods stay whatever taints it has (but for NoSchedule ones, which do not evict).
    tolerations: [...(pod.spec.tolerations ?? []), { operator: 'Exists', effect: 'NoExecute' }],
  };
  if (!isPod(pod)) throw new ManifestError(`${origin}: not a pod`);
  return pod;
}
