import type { V1PersistentVolume, V1PersistentVolumeClaim, V1Volume } from '@kubelab/api';
import type { ObjectSource } from '../env/env.js';
import type { Allocatable, FieldContext } from '../env/field-ref.js';
import type { Pod } from '../pod/types.js';

/** A volume of a pod, ready on the host. */
export interface MountedVolume {
  /** What containers bind: a folder or file on the host. */
  hostPath: string;
  /** The volume forbids writing whatever the container's mount says. */
  readOnly: boolean;
  /** The image a container mounts instead of a host path (KEP-4639). */
  image?: string;
}

/** Access to what volumes need from the API. */
export interface VolumeObjects extends ObjectSource {
  claim(namespace: string, name: string): Promise<V1PersistentVolumeClaim>;
  persistentVolume(name: string): Promise<V1PersistentVolume>;
  /** A token for the pod's service account, cached and renewed. */
  token(pod: Pod, audience: string | undefined, expirationSeconds: number): Promise<string>;
  /** The node's images' reference for an image volume. */
  ensureImage(pod: Pod, reference: string, policy: string | undefined): Promise<string>;
}

export interface SetUpContext {
  pod: Pod;
  volume: V1Volume;
  /** The plugin's folder of this volume in the pod's folder; not made yet. */
  dir: string;
  objects: VolumeObjects;
  fields: FieldContext & { allocatable: Allocatable };
  fsGroup: number | undefined;
}

/** One kind of volume. Idempotent: setUp is called again whenever content may have changed. */
export interface VolumePlugin {
  /** Folder name of the kind: kubernetes.io~empty-dir. */
  folder: string;
  supports(volume: V1Volume): boolean;
  /** Content follows the API: setUp runs again on changes and for token renewal. */
  refreshes?: boolean;
  setUp(context: SetUpContext): Promise<MountedVolume>;
}
