import { mkdir, readdir, rm } from 'node:fs/promises';
import { join } from 'node:path';
import type { V1Volume } from '@kubelab/api';
import type { Allocatable, FieldContext } from '../env/field-ref.js';
import type { Pod } from '../pod/types.js';
import type { MeasuredVolume } from '../stats/volumes.js';
import { unmountAll } from './mounts.js';
import type { PodPaths } from './paths.js';
import { findPlugin, pluginFor } from './plugins.js';
import type { MountedVolume, VolumeObjects } from './types.js';

/** Thrown when volumes of a pod can't be made ready; the worker shows it as FailedMount. */
export class VolumeError extends Error {
  override readonly name = 'VolumeError';
}

export interface VolumeManagerOptions {
  paths: PodPaths;
  objectsFor(pod: Pod): VolumeObjects;
  allocatable(): Allocatable;
}

/** Sets up and tears down the volumes of pods. Keeps no state: the pod's folder and the mount table tell it all. */
export class VolumeManager {
  constructor(private readonly options: VolumeManagerOptions) {}

  /**
   * Makes the volumes that containers mount ready; idempotent. Called again, it brings API data up to date.
   * @throws VolumeError naming each volume that failed
   */
  async setUp(pod: Pod, fields: FieldContext): Promise<Map<string, MountedVolume>> {
    const mounted = new Map<string, MountedVolume>();
    const failures: string[] = [];
    await mkdir(this.options.paths.volumes(pod.metadata.uid), { recursive: true, mode: 0o750 });
    await Promise.all(
      (pod.spec.volumes ?? []).map(async (volume) => {
        try {
          mounted.set(volume.name, await this.setUpOne(pod, volume, fields));
        } catch (error) {
          failures.push(`MountVolume.SetUp failed for volume "${volume.name}" : ${(error as Error).message}`);
        }
      }),
    );
    if (failures.length > 0) throw new VolumeError(failures.join('; '));
    return mounted;
  }

  /** Brings the volumes up to date whose content follows the API. */
  async refresh(pod: Pod, fields: FieldContext): Promise<void> {
    for (const volume of pod.spec.volumes ?? []) {
      if (pluginFor(volume).refreshes) await this.setUpOne(pod, volume, fields);
    }
  }

  private setUpOne(pod: Pod, volume: V1Volume, fields: FieldContext): Promise<MountedVolume> {
    const plugin = pluginFor(volume);
    return plugin.setUp({
      pod,
      volume,
      dir: this.options.paths.volume(pod.metadata.uid, plugin.folder, volume.name),
      objects: this.options.objectsFor(pod),
      fields: { ...fields, allocatable: this.options.allocatable() },
      fsGroup: pod.spec.securityContext?.fsGroup,
    });
  }

  /** Unmounts what is mounted in the pod's folder, then removes the folder. */
  async tearDown(uid: string): Promise<void> {
    const dir = this.options.paths.pod(uid);
    await unmountAll(dir);
    await rm(dir, { recursive: true, force: true });
  }

  /** Tears down the folders of pods that are not known any more. */
  async collect(isKnown: (uid: string) => boolean): Promise<string[]> {
    await mkdir(this.options.paths.pods, { recursive: true, mode: 0o750 });
    const removed: string[] = [];
    for (const uid of await readdir(this.options.paths.pods)) {
      if (isKnown(uid)) continue;
      await this.tearDown(uid);
      removed.push(uid);
    }
    return removed;
  }

  /** The pod's volumes whose use can be told: all that are in its folder. */
  measured(pod: Pod): MeasuredVolume[] {
    return (pod.spec.volumes ?? []).flatMap((volume) => {
      const plugin = findPlugin(volume);
      if (!plugin || volume.hostPath || volume.image) return [];
      const dir = this.options.paths.volume(pod.metadata.uid, plugin.folder, volume.name);
      const memory = volume.emptyDir?.medium === 'Memory';
      const claim =
        volume.persistentVolumeClaim?.claimName ??
        (volume.ephemeral ? `${pod.metadata.name}-${volume.name}` : undefined);
      const ownFileSystem = memory || claim !== undefined || volume.nfs !== undefined;
      return [{ name: volume.name, dir, ownFileSystem, ephemeral: !ownFileSystem, ...(claim ? { claim } : {}) }];
    });
  }

  /** Folder of the local (disk-backed) volumes of a pod by volume name, for measuring their use. */
  localVolumeDirs(pod: Pod): { name: string; dir: string; sizeLimit: string | undefined }[] {
    return (pod.spec.volumes ?? []).flatMap((volume) => {
      if (!volume.emptyDir || volume.emptyDir.medium === 'Memory') return [];
      const dir = join(this.options.paths.volumes(pod.metadata.uid), 'kubernetes.io~empty-dir', volume.name);
      return [{ name: volume.name, dir, sizeLimit: volume.emptyDir.sizeLimit }];
    });
  }
}
