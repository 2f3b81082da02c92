import { CriError } from '@kubelab/cri';
import type Docker from 'dockerode';
import type { ImageInspectInfo } from 'dockerode';
import { isMissing, toCriError } from '../docker/errors.js';

/** An image by name, digest or id; undefined when there is none. */
export async function findImage(docker: Docker, reference: string): Promise<ImageInspectInfo | undefined> {
  try {
    return await docker.getImage(reference).inspect();
  } catch (error) {
    // 400: what is no reference at all names no image.
    if (isMissing(error) || toCriError(error, '').code === 'INVALID_ARGUMENT') return undefined;
    throw toCriError(error, `inspect image ${reference}`);
  }
}

/** An image by name, digest or id. Throws NOT_FOUND. */
export async function requireImage(docker: Docker, reference: string): Promise<ImageInspectInfo> {
  const image = await findImage(docker, reference);
  if (!image) throw new CriError('NOT_FOUND', `no image "${reference}"`);
  return image;
}

/** Tags of an image without Docker's stand-in for an image that has none. */
export function realNames(names: string[] | null | undefined): string[] {
  return (names ?? []).filter((name) => !name.startsWith('<none>'));
}

/** The first tag and repo digest of an image, for the status of its containers; none when the image is gone. */
export async function imageNames(docker: Docker, id: string): Promise<{ tag?: string; digest?: string }> {
  const image = await findImage(docker, id);
  return { tag: realNames(image?.RepoTags)[0], digest: realNames(image?.RepoDigests)[0] };
}
