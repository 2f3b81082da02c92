import { existsSync } from 'node:fs';
import { type Command, UsageError } from '../command.js';
import { dockerSocketsOf, type NodeDocker } from '../phases/docker-sockets.js';
import { recordLoadedImages } from '../phases/loaded-images.js';
import { systemDockerSocket } from '../phases/node.js';
import { run } from '../process/run.js';
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
    const targets = dockerSocketsOf(layout, config);
    for (const name of names) {
      const loaded = await Promise.all(
        targets.map((target) =>
          existsSync(name) ? loadArchive(target, name) : copyImage(options.string('from-docker'), target, name),
        ),
      );
      process.stdout.write(`${loaded[0]?.join(', ') ?? name}: on ${targets.map((t) => t.nodeName).join(', ')}\n`);
    }
  },
};

async function loadArchive(target: NodeDocker, file: string): Promise<string[]> {
  const { stdout } = await run(['docker', '-H', `unix://${target.socket}`, 'load', '-i', file]);
  const references = [...stdout.matchAll(/^Loaded image: (\S+)$/gm)].map((match) => match[1] as string);
  if (references.length === 0) {
    throw new Error(`${file} holds no image with a name: ${stdout.trim()}`);
  }
  await recordLoadedImages(target, references);
  return references;
}

async function copyImage(source: string, target: NodeDocker, name: string): Promise<string[]> {
  if (source !== target.socket) {
    const pipe = 'set -o pipefail; docker -H "unix://$1" save "$3" | docker -H "unix://$2" load';
    await run(['bash', '-c', pipe, 'copy', source, target.socket, name]);
  }
  const reference = /:[^/]+$|@/.test(name) ? name : `${name}:latest`;
  await recordLoadedImages(target, [reference]);
  return [reference];
}

export const imageList: Command = {
  name: 'image list',
  summary: 'List the images of each node of this machine',
  options: clusterOption,
  async run(options) {
    const { layout, config } = existingCluster(options);
    for (const target of dockerSocketsOf(layout, config)) {
      const format = '{{.Repository}}:{{.Tag}}\t{{.ID}}\t{{.Size}}';
      const { stdout } = await run(['docker', '-H', `unix://${target.socket}`, 'image', 'ls', '--format', format]);
      for (const line of stdout.split('\n').filter(Boolean)) {
        process.stdout.write(`${target.nodeName}\t${line}\n`);
      }
    }
  },
};
