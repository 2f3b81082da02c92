import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { entryPoint } from '../cluster/layout.js';
import { run } from '../process/run.js';
import type { NodeImage } from './node-images.js';

/**
 * The image kubelab/NAME of some of this repository's own processes that run in the cluster, with programs of this
 * machine, of those that are there. Which process a container runs is said by its command: /app/packages/PACKAGE/dist/main.js.
 */
export function componentImage(name: string, packages: string[], binaries: string[]): NodeImage {
  const repository = join(entryPoint(packages[0] ?? name), '../../../..');
  const manifest = readFileSync(join(repository, 'package.json'), 'utf8');
  const { version } = JSON.parse(manifest) as { version: string };
  let archive: Promise<string> | undefined;
  return {
    reference: `kubelab/${name}:${version}`,
    changes: packages.length === 1 ? [`ENTRYPOINT ["/bin/node","/app/packages/${packages[0]}/dist/main.js"]`] : [],
    archive: (work) => {
      archive ??= build(repository, packages, binaries, join(work, `${name}.tar`));
      return archive;
    },
  };
}

async function build(repository: string, packages: string[], binaries: string[], output: string): Promise<string> {
  const script = join(repository, 'deploy/images/build.mjs');
  const extra = binaries.filter((binary) => existsSync(binary)).map((binary) => `--binary=${binary}`);
  await run([process.execPath, script, ...packages, output, ...extra]);
  return output;
}
