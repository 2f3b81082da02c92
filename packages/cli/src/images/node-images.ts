import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { ImageStore } from './image-store.js';

/** An image that is made on this machine, so that a cluster needs no registry. */
export interface NodeImage {
  reference: string;
  /** Instructions as in a Dockerfile: CMD, ENTRYPOINT, ENV. */
  changes: string[];
  /** Makes the tar archive of its files in a work folder; returns the archive's path. */
  archive(work: string): Promise<string>;
}

/** Puts the images on every node that lacks them. */
export async function ensureNodeImages(nodes: ImageStore[], images: NodeImage[]): Promise<string> {
  const work = mkdtempSync(join(tmpdir(), 'kubelab-image-'));
  try {
    await Promise.all(nodes.map((node) => ensureOn(node, images, work)));
  } finally {
    rmSync(work, { recursive: true });
  }
  return `images: ${images.map((image) => image.reference).join(', ')}`;
}

async function ensureOn(node: ImageStore, images: NodeImage[], work: string): Promise<void> {
  await Promise.all(
    images.map(async (image) => {
      if (!(await node.has(image.reference))) await node.make(image, work);
    }),
  );
  await node.keep(images.map((image) => image.reference));
}
