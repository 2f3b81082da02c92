import { componentImage } from './component-image.js';
import type { NodeImage } from './node-images.js';
import { sampleImages } from './sample-images.js';

/** The images that every node gets: those of the addons, and those to try the cluster with. */
export function ownImages(): NodeImage[] {
  return [componentImage('dns'), ...sampleImages()];
}
