import { existsSync } from 'node:fs';
import { type Command, UsageError } from '../command.js';
import type { ImageStore } from '../images/image-store.js';
import { imageStoresOf } from '../phases/image-stores.js';
import { systemDockerSocket } from '../phases/node.js';
import { clusterOption, existingCluster } from './cluster-option.js';

export const imageLoad: Command = {
  name: 'image load',
  arguments: 'FILE|IMAGE...',
  summary: "Put images on every node of this machine: a `docker save` archive, or an image of this machine's Docker",
  options: {
    ...clusterOption,
    'from-docker': {
      type: 'string',
      default: systemDockerSocket,
      description: 'Socket of the Docker that has the named images',
    },
  },
  async run(options, names) {
    const { layout, config } = existingCluster(options);
    if (names.length === 0) {
      throw new UsageError('which image? Give an archive or an image name');
    }
    const targets = imageStoresOf(layout, config);
    for (const name of names) {
      const loaded = await Promise.all(targets.map((target) => load(target, name, options.string('from-docker'))));
      process.stdout.write(`${loaded[0]?.join(', ') ?? name}: on ${targets.map((t) => t.nodeName).join(', ')}\n`);
    }
  },
};

async function load(target: ImageStore, name: string, fromDocker: string): Promise<string[]> {
  const references = existsSync(name) ? await target.loadArchive(name) : [await target.copy(fromDocker, name)];
  await target.keep(references);
  return references;
}

export const imageList: Command = {
  name: 'image list',
  summary: 'List the images of each node of this machine',
  options: clusterOption,
  async run(options) {
    const { layout, config } = existingCluster(options);
    for (const target of imageStoresOf(layout, config)) {
      for (const { reference, id, bytes } of await target.list()) {
        const shortId = id.replace(/^sha256:/, '').slice(0, 12);
        process.stdout.write(`${target.nodeName}\t${reference}\t${shortId}\t${(bytes / 1e6).toFixed(1)} MB\n`);
      }
    }
  },
};
