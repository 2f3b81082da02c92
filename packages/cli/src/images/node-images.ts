import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { NodeDocker } from '../phases/docker-sockets.js';
import { recordLoadedImages } from '../phases/loaded-images.js';
import { run, succeeds } from '../process/run.js';

/** An image that is made on this machine, so that a cluster needs no registry. */
export interface NodeImage {
  reference: string;
  /** Instructions as in a Dockerfile: CMD, ENTRYPOINT, ENV. */
  changes: string[];
  /** Makes the tar archive of its files in a work folder; returns the archive's path. */
  archive(work: string): Promise<string>;
}

/** Puts the images on every node that lacks them. */
export async function ensureNodeImages(nodes: NodeDocker[], images: NodeImage[]): Promise<string> {
  const work = mkdtempSync(join(tmpdir(), 'kubelab-image-'));
  try {
    await Promise.all(nodes.map((node) => ensureOn(node, images, work)));
  } finally {
    rmSync(work, { recursive: true });
  }
  return `images: ${images.map((image) => image.reference).join(', ')}`;
}

async function ensureOn(node: NodeDocker, images: NodeImage[], work: string): Promise<void> {
  const docker = ['docker', '-H', `unix://${node.socket}`];
  await Promise.all(
    images.map(async (image) => {
      if (!(await succeeds([...docker, 'image', 'inspect', image.reference]))) {
        const changes = image.changes.flatMap((change) => ['--change', change]);
        await run([...docker, 'import', ...changes, await image.archive(work), image.reference]);
      }
    }),
  );
  await recordLoadedImages(
    node,
    images.map((image) => image.reference),
  );
}
