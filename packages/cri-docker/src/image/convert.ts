import type { Image } from '@kubelab/cri';
import type { ImageInspectInfo } from 'dockerode';
import { realNames } from './inspect.js';

/** CRI's view of an image. `pinned` ones are kept from garbage collection. */
export function toCriImage(image: ImageInspectInfo, pinned: boolean): Image {
  const user = (image.Config?.User ?? '').split(':')[0] ?? '';
  const isNumber = /^\d+$/.test(user);
  return {
    id: image.Id,
    repo_tags: realNames(image.RepoTags),
    repo_digests: realNames(image.RepoDigests),
    size: image.Size,
    uid: isNumber ? { value: user } : null,
    username: isNumber ? '' : user,
    spec: { image: image.Id, annotations: image.Config?.Labels ?? {} },
    pinned,
  };
}
