import { CriError, type RemoveImageRequestOutput } from '@kubelab/cri';
import type { RuntimeContext } from '../context.js';
import { isMissing, toCriError } from '../docker/errors.js';
import { findImage, realNames } from './inspect.js';

/** Removes an image with all its names. One that is gone is removed; one in use stays and is an error. */
export async function removeImage(context: RuntimeContext, request: RemoveImageRequestOutput): Promise<void> {
  const name = request.image?.image ?? '';
  if (name === '') throw new CriError('INVALID_ARGUMENT', 'no image is named');
  const docker = context.docker.quick;
  const image = await findImage(docker, name);
  if (!image) return;
  context.imageUsers.forget(image.Id);
  // Removing by id needs a single name: take them all away, the image goes with the last.
  for (const reference of [...realNames(image.RepoTags), ...realNames(image.RepoDigests), image.Id]) {
    try {
      await docker.getImage(reference).remove();
    } catch (error) {
      if (!isMissing(error)) throw toCriError(error, `remove image ${name}`);
    }
  }
}
