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

export interface ImageNames {
  tag?: string;
  digest?: string;
}

/** Names are for display: they may be as old as this. */
const namesMaxAgeMs = 5_000;

/** The first tag and repo digest of images, for the status of their containers. */
export class ImageNameCache {
  readonly #known = new Map<string, { at: number; names: Promise<ImageNames> }>();

  constructor(private readonly docker: Docker) {}

  /** The names of an image; none when it is gone. */
  of(id: string): Promise<ImageNames> {
    const known = this.#known.get(id);
    if (known && Date.now() - known.at < namesMaxAgeMs) return known.names;
    const names = this.#read(id);
    this.#known.set(id, { at: Date.now(), names });
    names.catch(() => this.#known.delete(id));
    return names;
  }

  async #read(id: string): Promise<ImageNames> {
    const image = await findImage(this.docker, id);
    if (!image) this.#known.delete(id);
    return { tag: realNames(image?.RepoTags)[0], digest: realNames(image?.RepoDigests)[0] };
  }
}
