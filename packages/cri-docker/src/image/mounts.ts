import { normalize } from 'node:path';
import { CriError, type MountOutput } from '@kubelab/cri';
import { allContainers } from '../container/list.js';
import type { RuntimeContext } from '../context.js';
import { findImage, requireImage } from './inspect.js';
import { pathBelow } from './sub-path.js';

export interface PreparedMounts {
  /** With the image's id in `image_ref`, and the path of its files in `host_path`. */
  mounts: MountOutput[];
  /** To call once the container is there, or will not be. */
  done(): void;
}

/**
 * Image volumes (KEP-4639) on every Docker: the image's files are laid out once in a folder, and that is mounted
 * read-only. Docker's own image mounts came with 28 only.
 */
export async function prepareImageMounts(context: RuntimeContext, mounts: MountOutput[]): Promise<PreparedMounts> {
  const holds: (() => void)[] = [];
  const done = () => {
    for (const end of holds.splice(0)) end();
  };
  try {
    const prepared: MountOutput[] = [];
    for (const mount of mounts) {
      prepared.push(mount.image?.image ? await imageMount(context, mount, mount.image, holds) : mount);
    }
    return { mounts: prepared, done };
  } catch (error) {
    done();
    throw error;
  }
}

/** Removes the files of images no container has mounted any more. */
export function releaseImageMounts(context: RuntimeContext): Promise<void> {
  return context.imageVolumes.release(async () => {
    const used: string[] = [];
    for (const { record } of await allContainers(context)) {
      for (const { image } of record.mounts) {
        if (!image?.image) continue;
        // Containers made by earlier versions have no id there; of an image that is gone none is known.
        const id = image.image_ref || (await findImage(context.docker.quick, image.image))?.Id;
        if (id) used.push(id);
      }
    }
    return used;
  });
}

async function imageMount(
  context: RuntimeContext,
  mount: MountOutput,
  spec: NonNullable<MountOutput['image']>,
  holds: (() => void)[],
): Promise<MountOutput> {
  if (!mount.readonly) throw new CriError('INVALID_ARGUMENT', `image mount ${mount.container_path} must be read-only`);
  const { Id: id } = await requireImage(context.docker.quick, spec.image);
  if (normalize(mount.image_sub_path.replace(/^\/+/, '')).split('/')[0] === '..') {
    throw new CriError('INVALID_ARGUMENT', `image_sub_path "${mount.image_sub_path}" leaves the image`);
  }
  holds.push(context.imageVolumes.hold(id));
  const path = await pathBelow(await context.imageVolumes.folder(id), mount.image_sub_path);
  if (path === undefined) {
    throw new CriError('INVALID_ARGUMENT', `image ${spec.image} has no path "${mount.image_sub_path}"`);
  }
  const image = { ...spec, image_ref: id };
  return { ...mount, image, host_path: path, readonly: true, propagation: 'PROPAGATION_PRIVATE' };
}
