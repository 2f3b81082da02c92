import { spawn } from 'node:child_process';
import { randomUUID } from 'node:crypto';
import { once } from 'node:events';
import { renameSync } from 'node:fs';
import { mkdir, readdir, rename, rm, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { CriError } from '@kubelab/cri';
import type Docker from 'dockerode';

/**
 * Files of images, laid out once each in a folder for the containers that mount them. What a creation under way has
 * asked for is held until that is over: from then on Docker's list tells that it is in use.
 */
export class ImageVolumes {
  readonly #dir: string;
  /** How many creations hold a folder, and at which turn it was last held. */
  readonly #held = new Map<string, { count: number; turn: number }>();
  #turn = 0;
  readonly #laying = new Map<string, Promise<void>>();
  #releasing: Promise<void> = Promise.resolve();

  constructor(
    private readonly docker: Docker,
    stateDir: string,
  ) {
    this.#dir = join(stateDir, 'image-volumes');
  }

  /** Holds an image's folder. The function returned ends that. */
  hold(imageId: string): () => void {
    const folder = folderOf(imageId);
    const entry = this.#held.get(folder) ?? { count: 0, turn: 0 };
    entry.count++;
    this.#held.set(folder, entry);
    return () => {
      entry.count--;
      entry.turn = ++this.#turn;
    };
  }

  /** The folder with an image's files. It must be held. */
  async folder(imageId: string): Promise<string> {
    const root = join(this.#dir, folderOf(imageId));
    if (await exists(root)) return root;
    // Once for all who ask meanwhile.
    let laying = this.#laying.get(root);
    if (!laying) {
      laying = this.#lay(imageId, root).finally(() => this.#laying.delete(root));
      this.#laying.set(root, laying);
    }
    await laying;
    return root;
  }

  /** Removes the folders that nobody holds of images not among those `inUse` finds; what a killed shim left too. */
  release(inUse: () => Promise<string[]>): Promise<void> {
    const work = this.#releasing.then(() => this.#release(inUse));
    // The one who asked is told of a failure; the next one starts all the same.
    this.#releasing = work.catch(() => undefined);
    return work;
  }

  async #release(inUse: () => Promise<string[]>): Promise<void> {
    const start = this.#turn;
    const present = await readdir(this.#dir).catch((error: NodeJS.ErrnoException) => {
      if (error.code === 'ENOENT') return [];
      throw error;
    });
    if (present.length === 0) return;
    const used = new Set((await inUse()).map(folderOf));
    for (const name of present) {
      const folder = name.split('.')[0] ?? '';
      const held = this.#held.get(folder);
      // One let go of meanwhile may be in use since the list was made.
      if (used.has(name) || (held && (held.count > 0 || held.turn > start))) continue;
      this.#held.delete(folder);
      const path = join(this.#dir, name);
      const away = name.includes('.') ? path : `${path}.gone`;
      // At once, so that who asks for it from now on finds none.
      if (away !== path) renameSync(path, away);
      await rm(away, { recursive: true, force: true });
    }
  }

  async #lay(imageId: string, root: string): Promise<void> {
    // It may be there since it was looked for.
    if (await exists(root)) return;
    const partial = `${root}.partial-${randomUUID()}`;
    await mkdir(partial, { recursive: true });
    await this.#extract(imageId, partial);
    await rename(partial, root);
  }

  async #extract(imageId: string, dir: string): Promise<void> {
    const container = await this.docker.createContainer({
      Image: imageId,
      Entrypoint: ['none'],
      NetworkDisabled: true,
    });
    try {
      const archive = await this.docker.getContainer(container.id).export();
      const tar = spawn('tar', ['-x', '-C', dir], { stdio: ['pipe', 'ignore', 'pipe'] });
      archive.pipe(tar.stdin);
      let complaint = '';
      tar.stderr.on('data', (chunk: Buffer) => {
        complaint += chunk;
      });
      const [code] = await once(tar, 'close');
      if (code !== 0)
        throw new CriError('UNKNOWN', `image ${imageId} could not be laid out: ${complaint.slice(0, 500)}`);
    } finally {
      await container.remove({ force: true });
    }
  }
}

function folderOf(imageId: string): string {
  return imageId.replace(/^sha256:/, '');
}

async function exists(path: string): Promise<boolean> {
  try {
    await stat(path);
    return true;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return false;
    throw error;
  }
}
