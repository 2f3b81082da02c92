import { createHash } from 'node:crypto';
import { createReadStream, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { basename, dirname, join } from 'node:path';
import { pipeline } from 'node:stream/promises';
import { run } from '../process/run.js';
import type { NodeImage } from './node-images.js';

/** The part of an image's configuration that Dockerfile instructions set. */
export interface ImageConfig {
  Env?: string[];
  Cmd?: string[];
  Entrypoint?: string[];
  ExposedPorts?: Record<string, object>;
}

/** Writes an image of one layer as `docker save` does, for runtimes that can't make one of files. */
export async function writeDockerArchive(file: string, image: NodeImage, layer: string, work: string): Promise<void> {
  const dir = mkdtempSync(join(work, 'image-'));
  const digest = createHash('sha256');
  await pipeline(createReadStream(layer), digest);
  const config = JSON.stringify({
    architecture: process.arch === 'x64' ? 'amd64' : process.arch,
    os: 'linux',
    config: imageConfig(image.changes),
    rootfs: { type: 'layers', diff_ids: [`sha256:${digest.digest('hex')}`] },
  });
  const configName = `${createHash('sha256').update(config).digest('hex')}.json`;
  const manifest = [{ Config: configName, RepoTags: [image.reference], Layers: [basename(layer)] }];
  writeFileSync(join(dir, configName), config);
  writeFileSync(join(dir, 'manifest.json'), JSON.stringify(manifest));
  await run(['tar', '-cf', file, '-C', dir, 'manifest.json', configName, '-C', dirname(layer), basename(layer)]);
  rmSync(dir, { recursive: true });
}

/** What instructions of a Dockerfile (CMD and ENTRYPOINT in JSON, ENV, EXPOSE) set. Throws on any other. */
export function imageConfig(changes: string[]): ImageConfig {
  const config: ImageConfig = {};
  for (const change of changes) {
    const [, instruction = '', value = ''] = /^(\S+)\s+(.*)$/.exec(change) ?? [];
    if (instruction === 'CMD') config.Cmd = JSON.parse(value) as string[];
    else if (instruction === 'ENTRYPOINT') config.Entrypoint = JSON.parse(value) as string[];
    else if (instruction === 'ENV') config.Env = [...(config.Env ?? []), value];
    else if (instruction === 'EXPOSE') config.ExposedPorts = { ...config.ExposedPorts, [value]: {} };
    else throw new Error(`instruction of an image is not known: ${change}`);
  }
  return config;
}
