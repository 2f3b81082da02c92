import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdir, readdir, rename, rm, stat } from 'node:fs/promises';
import { join, resolve, sep } from 'node:path';
import { CriError, type MountOutput } from '@kubelab/cri';
import { allContainers } from '../container/list.js';
import type { RuntimeContext } from '../context.js';
import { requireImage } from './inspect.js';

/**
 * Image volumes (KEP-4639) on every Docker: the image's files are laid out once in a folder, and that is mounted
 * read-only. Docker's own image mounts came with 28 only.
 */
export async function prepareImageMounts(context: RuntimeContext, mounts: MountOutput[]): Promise<MountOutput[]> {
  return Promise.all(
    mounts.map((mount) => (mount.image?.image ? imageMount(context, mount, mount.image.image) : mount)),
  );
}

/** Removes the folders of images no container has mounted any more. */
export async function releaseImageMounts(context: RuntimeContext): Promise<void> {
  const dir = volumesDir(context);
  const present = await readdir(dir).catch((error: NodeJS.ErrnoException) => {
    if (error.code === 'ENOENT') return [];
    throw error;
  });
  if (present.length === 0) return;
  const used = new Set<string>();
  for (const { record } of await allContainers(context)) {
    for (const { image } of record.mounts) {
      if (image?.image) used.add(folderOf((await requireImage(context.docker.quick, image.image)).Id));
    }
  }
  for (const folder of present) {
    if (!used.has(folder)) await rm(join(dir, folder), { recursive: true, force: true });
  }
}

async function imageMount(context: RuntimeContext, mount: MountOutput, reference: string): Promise<MountOutput> {
  if (!mount.readonly) throw new CriError('INVALID_ARGUMENT', `image mount ${mount.container_path} must be read-only`);
  const image = await requireImage(context.docker.quick, reference);
  const root = join(volumesDir(context), folderOf(image.Id));
  if (!(await exists(root))) await extract(context, image.Id, root);
  const path = resolve(root, mount.image_sub_path.replace(/^\/+/, ''));
  if (path !== root && !path.startsWith(root + sep)) {
    throw new CriError('INVALID_ARGUMENT', `image_sub_path "${mount.image_sub_path}" leaves the image`);
  }
  if (!(await exists(path))) {
    throw new CriError('INVALID_ARGUMENT', `image ${reference} has no path "${mount.image_sub_path}"`);
  }
  return { ...mount, host_path: path, readonly: true, propagation: 'PROPAGATION_PRIVATE' };
}

async function extract(context: RuntimeContext, imageId: string, root: string): Promise<void> {
  const partial = `${root}.partial-${process.pid}-${Date.now()}`;
  await mkdir(partial, { recursive: true });
  const docker = context.docker.quick;
  const container = await docker.createContainer({ Image: imageId, Entrypoint: ['none'], NetworkDisabled: true });
  try {
    const archive = await docker.getContainer(container.id).export();
    const tar = spawn('tar', ['-x', '-C', partial], { stdio: ['pipe', 'ignore', 'pipe'] });
    archive.pipe(tar.stdin);
    let complaint = '';
    tar.stderr.on('data', (chunk: Buffer) => {
      complaint += chunk;
    });
    const [code] = await once(tar, 'close');
    if (code !== 0) throw new CriError('UNKNOWN', `image ${imageId} could not be laid out: ${complaint.slice(0, 500)}`);
  } finally {
    await container.remove({ force: true });
  }
  // Another container may have done the same meanwhile: the first one there stays.
  await rename(partial, root).catch(async (error: NodeJS.ErrnoException) => {
    if (error.code !== 'ENOTEMPTY' && error.code !== 'EEXIST') throw error;
    await rm(partial, { recursive: true, force: true });
  });
}

async function exists(path: string): Promise<boolean> {
  return stat(path).then(
    () => true,
    () => false,
  );
}

function folderOf(imageId: string): string {
  return imageId.replace(/^sha256:/, '');
}

function volumesDir(context: RuntimeContext): string {
  return join(context.stateDir, 'image-volumes');
}
