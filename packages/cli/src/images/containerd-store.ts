import { join } from 'node:path';
import { withClient } from '../components/cri-runtime.js';
import { run } from '../process/run.js';
import { writeDockerArchive } from './docker-archive.js';
import type { ImageStore } from './image-store.js';
import type { NodeImage } from './node-images.js';

/** Namespace of containerd in which its CRI plugin keeps everything. */
const namespace = 'k8s.io';

/**
 * The images of a node that runs on a CRI socket of the user's: looked at through CRI, which has no way to put an image
 * there, so that is done with containerd's own `ctr`. Any other runtime is told apart by its failure.
 */
export class ContainerdStore implements ImageStore {
  readonly #ctr: string[];

  constructor(
    readonly nodeName: string,
    /** unix:///PATH */
    private readonly endpoint: string,
  ) {
    this.#ctr = ['ctr', '--address', endpoint.replace(/^unix:\/\//, ''), '--namespace', namespace];
  }

  has(reference: string): Promise<boolean> {
    return withClient(this.endpoint, async (cri) =>
      Boolean((await cri.imageStatus({ image: { image: reference } })).image),
    );
  }

  async make(image: NodeImage, work: string): Promise<void> {
    const file = join(work, `${image.reference.replace(/[^\w.-]/g, '_')}-image.tar`);
    await writeDockerArchive(file, image, await image.archive(work), work);
    await this.loadArchive(file);
  }

  async loadArchive(file: string): Promise<string[]> {
    return loaded((await run([...this.#ctr, 'images', 'import', file])).stdout, file);
  }

  async copy(socket: string, name: string): Promise<string> {
    const pipe =
      'set -o pipefail; socket=$1 name=$2; shift 2; docker -H "unix://$socket" save "$name" | "$@" images import -';
    const { stdout } = await run(['bash', '-c', pipe, 'copy', socket, name, ...this.#ctr]);
    return loaded(stdout, name)[0] as string;
  }

  /** containerd itself decides what to do about a pull. */
  keep(): Promise<void> {
    return Promise.resolve();
  }

  list(): Promise<{ reference: string; id: string; bytes: number }[]> {
    return withClient(this.endpoint, async (cri) =>
      (await cri.listImages({})).images.flatMap(({ id, repo_tags: tags, size }) =>
        tags.map((reference) => ({ reference, id, bytes: Number(size) })),
      ),
    );
  }
}

/** `ctr` says `unpacking REFERENCE (DIGEST)...done` of each image. */
function loaded(output: string, source: string): string[] {
  const references = [...output.matchAll(/^unpacking (\S+) \(/gm)].map((match) => match[1] as string);
  if (references.length === 0) throw new Error(`${source} holds no image with a name: ${output.trim()}`);
  return references;
}
