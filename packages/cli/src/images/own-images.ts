import type { Addon, AddonImage } from '../cluster/addons.js';
import { ensureProgram } from '../process/debian-package.js';
import { componentImage } from './component-image.js';
import type { NodeImage } from './node-images.js';
import { sampleImages } from './sample-images.js';

/** The images that every node gets: those of the addons, and those to try the cluster with. */
export function ownImages(addons: Addon[]): NodeImage[] {
  return [...[...new Set(addons.flatMap((addon) => addon.image ?? []))].map(addonImage), ...sampleImages()];
}

/** What the image of an addon is made of is installed only where it has to be made. */
function addonImage({ name, packages, programs }: AddonImage): NodeImage {
  const binaries = programs.map((program) => program.path);
  const image = componentImage(name, packages, binaries);
  return {
    ...image,
    archive: async (work) => {
      for (const { path, debianPackage, optional } of programs) {
        await ensureProgram(path, debianPackage).catch((error: Error) => {
          if (!optional) throw error;
          process.stderr.write(`The image ${name} is made without ${path}: ${error.message}\n`);
        });
      }
      return image.archive(work);
    },
  };
}
