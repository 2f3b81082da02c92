import type { KubeObject } from '@kubelab/apimachinery';
import type { ObjectAccess } from '../object-access.js';

interface VolumeSource {
  [type: string]: unknown;
}
interface PodLike extends KubeObject {
  spec?: {
    nodeName?: string;
    serviceAccountName?: string;
    imagePullSecrets?: { name?: string }[];
    volumes?: (VolumeSource & { name: string })[];
    containers?: ContainerLike[];
    initContainers?: ContainerLike[];
    ephemeralContainers?: ContainerLike[];
    resourceClaims?: { name: string; resourceClaimName?: string }[];
  };
}
interface ContainerLike {
  env?: { valueFrom?: { secretKeyRef?: { name?: string }; configMapKeyRef?: { name?: string } } }[];
  envFrom?: { secretRef?: { name?: string }; configMapRef?: { name?: string } }[];
}
interface PvLike extends KubeObject {
  spec?: VolumeSource & { claimRef?: { namespace?: string; name?: string } };
}

/** What a graph's vertex may be. */
export type VertexKind = 'secret' | 'configmap' | 'pvc' | 'pv' | 'serviceaccount' | 'volumeattachment';

const vertex = (kind: VertexKind, namespace: string, name: string) => `${kind}:${namespace}/${name}`;

const name = (o: unknown, key: string): string | undefined => {
  const v = (o as Record<string, { name?: string; secretName?: string }> | undefined)?.[key];
  return v?.name ?? v?.secretName;
};

function containerReferences(c: ContainerLike, add: (k: VertexKind, n: string | undefined) => void): void {
  for (const e of c.env ?? []) {
    add('secret', e.valueFrom?.secretKeyRef?.name);
    add('configmap', e.valueFrom?.configMapKeyRef?.name);
  }
  for (const e of c.envFrom ?? []) {
    add('secret', e.secretRef?.name);
    add('configmap', e.configMapRef?.name);
  }
}

function volumeReferences(
  v: VolumeSource,
  podName: string,
  volumeName: string,
  add: (k: VertexKind, n: string | undefined) => void,
): void {
  add('secret', name(v, 'secret'));
  add('configmap', name(v, 'configMap'));
  add('pvc', (v.persistentVolumeClaim as { claimName?: string } | undefined)?.claimName);
  if (v.ephemeral) add('pvc', `${podName}-${volumeName}`);
  for (const type of ['csi', 'cephfs', 'flexVolume', 'iscsi', 'rbd', 'scaleIO', 'storageos', 'azureFile']) {
    const source = v[type] as
      | { secretRef?: { name?: string }; nodePublishSecretRef?: { name?: string }; secretName?: string }
      | undefined;
    add('secret', source?.secretRef?.name);
    add('secret', source?.nodePublishSecretRef?.name);
    if (type === 'azureFile') add('secret', source?.secretName);
  }
  const projected = v.projected as { sources?: VolumeSource[] } | undefined;
  for (const s of projected?.sources ?? []) {
    add('secret', name(s, 'secret'));
    add('configmap', name(s, 'configMap'));
  }
}

/** The vertices that a pod needs. */
function podReferences(pod: PodLike): Set<string> {
  const ns = pod.metadata.namespace ?? '';
  const out = new Set<string>();
  const add = (kind: VertexKind, n: string | undefined) => {
    if (n) out.add(vertex(kind, ns, n));
  };
  // Mirror pods get nothing: what they name came from the node.
  if (pod.metadata.annotations?.['kubernetes.io/config.mirror']) return out;
  add('serviceaccount', pod.spec?.serviceAccountName);
  for (const s of pod.spec?.imagePullSecrets ?? []) add('secret', s.name);
  for (const c of [
    ...(pod.spec?.initContainers ?? []),
    ...(pod.spec?.containers ?? []),
    ...(pod.spec?.ephemeralContainers ?? []),
  ]) {
    containerReferences(c, add);
  }
  for (const v of pod.spec?.volumes ?? []) volumeReferences(v, pod.metadata.name ?? '', v.name, add);
  return out;
}

function pvSecrets(pv: PvLike): Set<string> {
  const out = new Set<string>();
  const fallback = pv.spec?.claimRef?.namespace ?? '';
  for (const source of Object.values(pv.spec ?? {})) {
    if (typeof source !== 'object' || source === null) continue;
    for (const [key, ref] of Object.entries(source as Record<string, unknown>)) {
      if (!/secretref$/i.test(key) || typeof ref !== 'object' || ref === null) continue;
      const r = ref as { name?: string; namespace?: string };
      if (r.name) out.add(vertex('secret', r.namespace || fallback, r.name));
    }
  }
  return out;
}

/**
 * Which node needs which object: pods are bound to nodes, pods name secrets, config maps, claims and service accounts;
 * claims name volumes, volumes name secrets. Kept by watches.
 */
export class NodeGraph {
  private readonly pods = new Map<string, { node: string; references: Set<string> }>();
  /** vertex -> node -> how many of its pods need it. */
  private readonly needed = new Map<string, Map<string, number>>();
  /** claim vertex -> volume name. */
  private readonly volumeOfClaim = new Map<string, string>();
  private readonly claimOfVolume = new Map<string, string>();
  private readonly secretsOfVolume = new Map<string, Set<string>>();
  /** secret vertex -> volumes. */
  private readonly volumesOfSecret = new Map<string, Set<string>>();
  private readonly attachmentNode = new Map<string, string>();

  /** Follows pods, volumes and attachments. Resolves when all existing ones are known. */
  async start(objects: ObjectAccess): Promise<() => void> {
    const stops = await Promise.all([
      objects.observe(
        { group: '', resource: 'pods' },
        {
          added: (o) => this.setPod(o),
          updated: (_old, o) => this.setPod(o),
          deleted: (o) => this.deletePod(o),
        },
      ),
      objects.observe(
        { group: '', resource: 'persistentvolumes' },
        {
          added: (o) => this.setVolume(o),
          updated: (_old, o) => this.setVolume(o),
          deleted: (o) => this.deleteVolume(o.metadata.name ?? ''),
        },
      ),
      objects.observe(
        { group: 'storage.k8s.io', resource: 'volumeattachments' },
        {
          added: (o) => this.setAttachment(o),
          updated: (_old, o) => this.setAttachment(o),
          deleted: (o) => {
            this.attachmentNode.delete(o.metadata.name ?? '');
          },
        },
      ),
    ]);
    return () => {
      for (const stop of stops) stop();
    };
  }

  /** Whether a pod on the node needs the object. */
  isNeeded(node: string, kind: VertexKind, namespace: string, objectName: string): boolean {
    switch (kind) {
      case 'pv': {
        const claim = this.claimOfVolume.get(objectName);
        return claim !== undefined && this.has(claim, node);
      }
      case 'volumeattachment':
        return this.attachmentNode.get(objectName) === node;
      case 'secret': {
        const v = vertex(kind, namespace, objectName);
        if (this.has(v, node)) return true;
        for (const pv of this.volumesOfSecret.get(v) ?? []) {
          const claim = this.claimOfVolume.get(pv);
          if (claim !== undefined && this.has(claim, node)) return true;
        }
        return false;
      }
      default:
        return this.has(vertex(kind, namespace, objectName), node);
    }
  }

  private has(v: string, node: string): boolean {
    return this.needed.get(v)?.has(node) ?? false;
  }

  setPod(o: KubeObject): void {
    const pod = o as PodLike;
    const key = `${pod.metadata.namespace}/${pod.metadata.name}`;
    const node = pod.spec?.nodeName ?? '';
    const known = this.pods.get(key);
    // A bound pod's references change with ephemeral containers only.
    const references = node === '' ? new Set<string>() : podReferences(pod);
    if (
      known &&
      known.node === node &&
      known.references.size === references.size &&
      [...references].every((r) => known.references.has(r))
    )
      return;
    if (known) this.deletePod(o);
    if (node === '') return;
    this.pods.set(key, { node, references });
    for (const r of references) {
      const nodes = this.needed.get(r) ?? new Map<string, number>();
      nodes.set(node, (nodes.get(node) ?? 0) + 1);
      this.needed.set(r, nodes);
    }
  }

  deletePod(o: KubeObject): void {
    const key = `${o.metadata.namespace}/${o.metadata.name}`;
    const known = this.pods.get(key);
    if (!known) return;
    this.pods.delete(key);
    for (const r of known.references) {
      const nodes = this.needed.get(r);
      const left = (nodes?.get(known.node) ?? 0) - 1;
      if (left > 0) nodes?.set(known.node, left);
      else nodes?.delete(known.node);
      if (nodes?.size === 0) this.needed.delete(r);
    }
  }

  setVolume(o: KubeObject): void {
    const pv = o as PvLike;
    const pvName = pv.metadata.name ?? '';
    this.deleteVolume(pvName);
    const claim = pv.spec?.claimRef;
    if (!claim?.name) return;
    const v = vertex('pvc', claim.namespace ?? '', claim.name);
    this.claimOfVolume.set(pvName, v);
    this.volumeOfClaim.set(v, pvName);
    const secrets = pvSecrets(pv);
    this.secretsOfVolume.set(pvName, secrets);
    for (const s of secrets) this.volumesOfSecret.set(s, (this.volumesOfSecret.get(s) ?? new Set()).add(pvName));
  }

  deleteVolume(pvName: string): void {
    const claim = this.claimOfVolume.get(pvName);
    this.claimOfVolume.delete(pvName);
    if (claim !== undefined && this.volumeOfClaim.get(claim) === pvName) this.volumeOfClaim.delete(claim);
    for (const s of this.secretsOfVolume.get(pvName) ?? []) {
      const volumes = this.volumesOfSecret.get(s);
      volumes?.delete(pvName);
      if (volumes?.size === 0) this.volumesOfSecret.delete(s);
    }
    this.secretsOfVolume.delete(pvName);
  }

  private setAttachment(o: KubeObject): void {
    const node = (o.spec as { nodeName?: string } | undefined)?.nodeName ?? '';
    this.attachmentNode.set(o.metadata.name ?? '', node);
  }
}
