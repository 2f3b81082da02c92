import type { NodeImage } from './node-images.js';

/** The images of one node, in whatever container runtime it has. */
export interface ImageStore {
  nodeName: string;
  has(reference: string): Promise<boolean>;
  /** Makes an image of the archive of its files. */
  make(image: NodeImage, work: string): Promise<void>;
  /** Loads a `docker save` archive; returns the references in it. */
  loadArchive(file: string): Promise<string[]>;
  /** Copies an image from the Docker behind a socket; returns its reference. */
  copy(socket: string, name: string): Promise<string>;
  /** References of images that were put here by hand or made here, once they are all there. */
  keep(references: string[]): Promise<void>;
  list(): Promise<{ reference: string; id: string; bytes: number }[]>;
}
