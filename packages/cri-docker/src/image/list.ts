import type { Image, ListImagesRequestOutput, ListImagesResponse } from '@kubelab/cri';
import type { ImageInspectInfo } from 'dockerode';
import type { RuntimeContext } from '../context.js';
import { toCriError } from '../docker/errors.js';
import { toCriImage } from './convert.js';
import { findImage, realNames } from './inspect.js';

/**
 * Lists images. Users are in Docker's inspection of an image only; what an id stands for never changes, so each is
 * inspected once.
 */
export class ImageLister {
  readonly #users = new Map<string, ImageInspectInfo>();

  constructor(private readonly context: RuntimeContext) {}

  async list(request: ListImagesRequestOutput): Promise<ListImagesResponse> {
    const wanted = request.filter?.image?.image ?? '';
    if (wanted !== '') {
      const image = await findImage(this.context.docker.quick, wanted);
      return { images: image ? [toCriImage(image, this.#isPinned(image.RepoTags))] : [] };
    }
    const summaries = await this.context.docker.quick.listImages().catch((error: unknown) => {
      throw toCriError(error, 'list images');
    });
    const ids = new Set(summaries.map((summary) => summary.Id));
    for (const id of this.#users.keys()) if (!ids.has(id)) this.#users.delete(id);
    const images = await Promise.all(
      summaries.map(async (summary): Promise<Image | undefined> => {
        const details = this.#users.get(summary.Id) ?? (await findImage(this.context.docker.quick, summary.Id));
        if (!details) return undefined;
        this.#users.set(summary.Id, details);
        const current = { ...details, RepoTags: summary.RepoTags ?? [], RepoDigests: summary.RepoDigests ?? [] };
        return toCriImage(current, this.#isPinned(current.RepoTags));
      }),
    );
    return { images: images.filter((image) => image !== undefined) };
  }

  #isPinned(tags: string[]): boolean {
    return realNames(tags).includes(this.context.pauseImage);
  }
}
