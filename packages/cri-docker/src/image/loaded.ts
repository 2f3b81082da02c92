import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { RuntimeContext } from '../context.js';
import { findImage } from './inspect.js';
import { familiarName } from './reference.js';

/**
 * Images that were put on the node by hand (`kubelab image load`), by reference, with the id that they had then. They
 * are in no registry, so a pull (which `:latest` asks for at every start) is answered with what is there. An image that
 * was replaced since has another id, and is pulled as any other.
 */
export const loadedImagesFile = 'loaded-images.json';

/** The id of a loaded image, or undefined when this reference was not loaded, or is another image by now. */
export async function findLoadedImage(context: RuntimeContext, reference: string): Promise<string | undefined> {
  let known: Record<string, string>;
  try {
    known = JSON.parse(await readFile(join(context.stateDir, loadedImagesFile), 'utf8')) as Record<string, string>;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined;
    throw error;
  }
  const wanted = familiarName(reference);
  const id = Object.entries(known).find(([name]) => familiarName(name) === wanted)?.[1];
  const image = id === undefined ? undefined : await findImage(context.docker.quick, reference);
  return image?.Id === id ? id : undefined;
}
