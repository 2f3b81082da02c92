import { existsSync, readFileSync } from 'node:fs';
import { writePublicFile } from '@kubelab/pki';
import Docker from 'dockerode';
import { run, succeeds } from '../process/run.js';
import type { ImageStore } from './image-store.js';
import type { NodeImage } from './node-images.js';

/** The images in a node's Docker. */
export class DockerStore implements ImageStore {
  readonly #command: string[];

  constructor(
    readonly nodeName: string,
    /** The node's folder of state, where the CRI shim has its own. */
    private readonly stateDir: string,
    private readonly socket: string,
  ) {
    this.#command = ['docker', '-H', `unix://${socket}`];
  }

  has(reference: string): Promise<boolean> {
    return succeeds([...this.#command, 'image', 'inspect', reference]);
  }

  async make(image: NodeImage, work: string): Promise<void> {
    const changes = image.changes.flatMap((change) => ['--change', change]);
    await run([...this.#command, 'import', ...changes, await image.archive(work), image.reference]);
  }

  async loadArchive(file: string): Promise<string[]> {
    const { stdout } = await run([...this.#command, 'load', '-i', file]);
    const references = [...stdout.matchAll(/^Loaded image: (\S+)$/gm)].map((match) => match[1] as string);
    if (references.length === 0) throw new Error(`${file} holds no image with a name: ${stdout.trim()}`);
    return references;
  }

  async copy(socket: string, name: string): Promise<string> {
    if (socket !== this.socket) {
      const pipe = 'set -o pipefail; docker -H "unix://$1" save "$3" | docker -H "unix://$2" load';
      await run(['bash', '-c', pipe, 'copy', socket, this.socket, name]);
    }
    return /:[^/]+$|@/.test(name) ? name : `${name}:latest`;
  }

  /**
   * Notes in the CRI shim's state which images are here by hand, with their ids. The shim answers a pull of such a
   * reference with the image that is there: with `:latest` Kubernetes pulls at each start, and these images are in no
   * registry.
   */
  async keep(references: string[]): Promise<void> {
    const file = `${this.stateDir}/cri-docker/loaded-images.json`;
    const known = existsSync(file) ? (JSON.parse(readFileSync(file, 'utf8')) as Record<string, string>) : {};
    for (const reference of references) {
      const { stdout } = await run([...this.#command, 'image', 'inspect', '--format', '{{.Id}}', reference]);
      known[reference] = stdout.trim();
    }
    writePublicFile(file, `${JSON.stringify(known, null, 2)}\n`);
  }

  async list(): Promise<{ reference: string; id: string; bytes: number }[]> {
    const images = await new Docker({ socketPath: this.socket }).listImages();
    return images.flatMap(({ RepoTags, Id, Size }) =>
      (RepoTags ?? []).map((reference) => ({ reference, id: Id, bytes: Size })),
    );
  }
}
