import { CriError, type ImageStatusRequestOutput, type ImageStatusResponse } from '@kubelab/cri';
import type { RuntimeContext } from '../context.js';
import { toCriImage } from './convert.js';
import { findImage, realNames } from './inspect.js';

/** An image by name, digest or id. One that is not there is an empty answer, no error. */
export async function imageStatus(
  context: RuntimeContext,
  request: ImageStatusRequestOutput,
): Promise<ImageStatusResponse> {
  const name = request.image?.image ?? '';
  if (name === '') throw new CriError('INVALID_ARGUMENT', 'no image is named');
  const image = await findImage(context.docker.quick, name);
  if (!image) return { image: null };
  return {
    image: toCriImage(image, realNames(image.RepoTags).includes(context.pauseImage)),
    info: request.verbose ? { info: JSON.stringify({ imageSpec: image }) } : {},
  };
}
