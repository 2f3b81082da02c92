import type { V1PersistentVolumeClaim, V1Pod, V1PodTemplateSpec, V1Volume } from '@kubelab/api';
import type { Pod, StatefulSet } from '../framework/kinds.js';
import { podFromTemplate } from '../framework/pod-control.js';
import { revisionHashLabel } from '../history/index.js';

export const podNameLabel = 'statefulset.kubernetes.io/pod-name';
export const podIndexLabel = 'apps.kubernetes.io/pod-index';

export const startOrdinal = (set: StatefulSet): number => set.spec.ordinals?.start ?? 0;
export const replicasOf = (set: StatefulSet): number => set.spec.replicas ?? 1;

/** The set and ordinal that a pod's name tells; undefined if it is not of that form. */
export function parsePodName(name: string): { parent: string; ordinal: number } | undefined {
  const match = /^(.*)-(\d+)$/.exec(name);
  return match ? { parent: match[1] ?? '', ordinal: Number(match[2]) } : undefined;
}

export function ordinalOf(pod: V1Pod): number {
  return parsePodName(pod.metadata?.name ?? '')?.ordinal ?? -1;
}

export function isMember(set: StatefulSet, pod: V1Pod): boolean {
  return parsePodName(pod.metadata?.name ?? '')?.parent === set.metadata.name;
}

export const podName = (set: StatefulSet, ordinal: number): string => `${set.metadata.name}-${ordinal}`;

export function claimName(set: StatefulSet, template: V1PersistentVolumeClaim, ordinal: number): string {
  return `${template.metadata?.name}-${set.metadata.name}-${ordinal}`;
}

/** The claims of the pod with this ordinal, by the name of their volume. */
export function claimsFor(set: StatefulSet, ordinal: number): Map<string, V1PersistentVolumeClaim> {
  return new Map(
    (set.spec.volumeClaimTemplates ?? []).map((template) => [
      template.metadata?.name ?? '',
      {
        ...structuredClone(template),
        apiVersion: 'v1',
        kind: 'PersistentVolumeClaim',
        metadata: {
          ...template.metadata,
          name: claimName(set, template, ordinal),
          namespace: set.metadata.namespace,
          labels: { ...template.metadata?.labels, ...set.spec.selector.matchLabels },
        },
        status: undefined,
      },
    ]),
  );
}

/** The pod with this ordinal, made from a template of the set's (its current one or an older revision's). */
export function newPod(set: StatefulSet, template: V1PodTemplateSpec, revision: string, ordinal: number): V1Pod {
  const pod = podFromTemplate(set, template);
  pod.metadata = { ...pod.metadata, name: podName(set, ordinal), generateName: `${set.metadata.name}-` };
  pod.metadata.labels = { ...pod.metadata.labels, [revisionHashLabel]: revision };
  giveIdentity(set, pod);
  giveStorage(set, pod);
  pod.spec = { containers: [], ...pod.spec, hostname: pod.metadata.name, subdomain: set.spec.serviceName };
  return pod;
}

function giveIdentity(set: StatefulSet, pod: V1Pod): void {
  const name = pod.metadata?.name ?? '';
  pod.metadata = {
    ...pod.metadata,
    namespace: set.metadata.namespace,
    labels: { ...pod.metadata?.labels, [podNameLabel]: name, [podIndexLabel]: String(ordinalOf(pod)) },
  };
}

function giveStorage(set: StatefulSet, pod: V1Pod): void {
  const claims = claimsFor(set, ordinalOf(pod));
  const volumes: V1Volume[] = [...claims].map(([name, claim]) => ({
    name,
    persistentVolumeClaim: { claimName: claim.metadata?.name ?? '' },
  }));
  const others = (pod.spec?.volumes ?? []).filter((volume) => !claims.has(volume.name));
  pod.spec = { containers: [], ...pod.spec, volumes: [...volumes, ...others] };
}

/** A copy of an existing pod with the labels and volumes it must have; undefined if it has them. */
export function mendedPod(set: StatefulSet, pod: Pod): V1Pod | undefined {
  const name = pod.metadata.name;
  const identity = pod.metadata.labels?.[podNameLabel] === name && isMember(set, pod);
  const storage = [...claimsFor(set, ordinalOf(pod))].every(([volumeName, claim]) =>
    pod.spec.volumes?.some(
      (volume) => volume.name === volumeName && volume.persistentVolumeClaim?.claimName === claim.metadata?.name,
    ),
  );
  if (identity && storage) return undefined;
  const mended: V1Pod = structuredClone(pod);
  if (!identity) giveIdentity(set, mended);
  if (!storage) giveStorage(set, mended);
  return mended;
}

/** Name of the revision that the pod was made from. */
export function revisionOf(pod: V1Pod | undefined): string {
  return pod?.metadata?.labels?.[revisionHashLabel] ?? '';
}
