import { randomBytes } from 'node:crypto';
import { chmod, mkdir, stat, writeFile } from 'node:fs/promises';
import { isAbsolute, join } from 'node:path';
import type { V1Container, V1VolumeMount } from '@kubelab/api';
import type { Mount } from '@kubelab/cri';
import { expandStrict } from '../env/expand.js';
import type { Pod } from '../pod/types.js';
import type { PodPaths } from '../volumes/paths.js';
import { recursiveReadOnly } from '../volumes/recursive-read-only.js';
import { bindSubPath } from '../volumes/sub-path.js';
import type { MountedVolume } from '../volumes/types.js';

const propagation = {
  None: 'PROPAGATION_PRIVATE',
  HostToContainer: 'PROPAGATION_HOST_TO_CONTAINER',
  Bidirectional: 'PROPAGATION_BIDIRECTIONAL',
} as const;

export interface MountInput {
  pod: Pod;
  container: V1Container;
  volumes: Map<string, MountedVolume>;
  environment: Map<string, string>;
  paths: PodPaths;
  /** Whether the pod's runtime has recursive read-only mounts. */
  recursiveReadOnly: boolean;
}

/** The bind mounts of a container's volumeMounts; sub-paths are bound to a place of their own first. */
export async function volumeMounts(input: MountInput): Promise<Mount[]> {
  const mounts: Mount[] = [];
  for (const [index, wanted] of (input.container.volumeMounts ?? []).entries()) {
    const volume = input.volumes.get(wanted.name);
    if (!volume) throw new Error(`Volume "${wanted.name}" is not mounted yet, cannot create container`);
    const recursive = recursiveReadOnly(wanted, input.recursiveReadOnly);
    const subPath = subPathOf(wanted, input.environment);
    const containerPath = isAbsolute(wanted.mountPath) ? wanted.mountPath : `/${wanted.mountPath}`;
    if (volume.image) {
      mounts.push({
        container_path: containerPath,
        readonly: true,
        image: { image: volume.image },
        image_sub_path: subPath,
      });
      continue;
    }
    let hostPath = volume.hostPath;
    if (subPath) {
      hostPath = input.paths.subPath(input.pod.metadata.uid, wanted.name, input.container.name, index);
      try {
        await bindSubPath(volume.hostPath, subPath, hostPath);
      } catch (cause) {
        throw new Error(
          `failed to prepare subPath for volumeMount "${wanted.name}" of container "${input.container.name}": ${(cause as Error).message}`,
          { cause },
        );
      }
    } else {
      await makeHostPath(hostPath);
    }
    const readonly = wanted.readOnly === true || volume.readOnly;
    mounts.push({
      container_path: containerPath,
      host_path: hostPath,
      readonly,
      recursive_read_only: recursive,
      propagation: propagation[(wanted.mountPropagation ?? 'None') as keyof typeof propagation],
    });
  }
  return mounts;
}

function subPathOf(mount: V1VolumeMount, environment: Map<string, string>): string {
  if (!mount.subPathExpr) return mount.subPath ?? '';
  const path = expandStrict(mount.subPathExpr, (name) => environment.get(name));
  if (isAbsolute(path) || path.split('/').includes('..'))
    throw new Error(`subPath ${JSON.stringify(path)} must be relative and must not contain '..'`);
  return path;
}

/** A hostPath without a type that does not exist becomes a folder, as Docker made it. */
async function makeHostPath(path: string): Promise<void> {
  try {
    await stat(path);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ENOENT') throw error;
    await mkdir(path, { recursive: true, mode: 0o755 });
  }
}

/** Binds the pod's managed hosts file, unless a volume is mounted there. */
export function hostsMount(container: V1Container, hostsFile: string): Mount[] {
  if ((container.volumeMounts ?? []).some((mount) => mount.mountPath === '/etc/hosts')) return [];
  return [{ container_path: '/etc/hosts', host_path: hostsFile, readonly: false }];
}

/** Makes an empty termination log for this run of a container, and its mount. */
export async function terminationLogMount(
  uid: string,
  container: V1Container,
  paths: PodPaths,
): Promise<{ hostPath: string; mount: Mount }> {
  const dir = paths.container(uid, container.name);
  await mkdir(dir, { recursive: true, mode: 0o750 });
  const hostPath = join(dir, randomBytes(4).toString('hex'));
  await writeFile(hostPath, '', { mode: 0o666 });
  // Any user of the container may write it, whatever the umask.
  await chmod(hostPath, 0o666);
  const containerPath = container.terminationMessagePath || '/dev/termination-log';
  return { hostPath, mount: { container_path: containerPath, host_path: hostPath, readonly: false } };
}
