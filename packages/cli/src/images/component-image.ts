import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { entryPoint } from '../cluster/layout.js';
import { run } from '../process/run.js';
import type { NodeImage } from './node-images.js';

/** The image of one of this repository's own processes that run in the cluster, with programs of this machine. */
export function componentImage(packageName: string, binaries: string[]): NodeImage {
  const packageDir = join(entryPoint(packageName), '../..');
  const { version } = JSON.parse(readFileSync(join(packageDir, 'package.json'), 'utf8')) as { version: string };
  let archive: Promise<string> | undefined;
  return {
    reference: `kubelab/${packageName}:${version}`,
    changes: [`ENTRYPOINT ["/bin/node","/app/packages/${packageName}/dist/main.js"]`],
    archive: (work) => {
      archive ??= build(packageDir, packageName, binaries, join(work, `${packageName}.tar`));
      return archive;
    },
  };
}

async function build(packageDir: string, packageName: string, binaries: string[], output: string): Promise<string> {
  const script = join(packageDir, '../../deploy/images/build.mjs');
  const extra = binaries.map((binary) => `--binary=${binary}`);
  await run([process.execPath, script, packageName, output, ...extra]);
  return output;
}
