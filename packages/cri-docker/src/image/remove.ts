import { CriError, type RemoveImageRequestOutput } from '@kubelab/cri';
import type { RuntimeContext } from '../context.js';
import { isMissing, toCriError } from '../docker/errors.js';
import { findImage, realNames } from './inspect.js';

/** Removals under way. Docker stumbles over two of one image at a time; who comes second waits for the first. */
const removals = new Map<string, Promise<void>>();

/** Removes an image with all its names. One that is gone is removed; one in use stays and is an error. */
export async function removeImage(context: RuntimeContext, request: RemoveImageRequestOutput): Promise<void> {
  const name = request.image?.image ?? '';
  if (name === '') throw new CriError('INVALID_ARGUMENT', 'no image is named');
  const image = await findImage(context.docker.quick, name);
  if (!image) return;
  let removal = removals.get(image.Id);
  if (!removal) {
    removal = removeAll(context, image.Id, name).finally(() => removals.delete(image.Id));
    removals.set(image.Id, removal);
  }
  await removal;
}

async function removeAll(context: RuntimeContext, id: string, name: string): Promise<void> {
  const docker = context.docker.quick;
  const image = await findImage(docker, id);
  if (!image) return;
  context.imageUsers.forget(id);
  // Removing by id needs a single name: take them all away, the image goes with the last.
  for (const reference of [...realNames(image.RepoTags), ...realNames(image.RepoDigests), id]) {
    try {
      await docker.getImage(reference).remove();
    } catch (error) {
      if (!isMissing(error)) throw toCriError(error, `remove image ${name}`);
    }
  }
}
