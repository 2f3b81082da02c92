import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { entryPoint } from '../cluster/layout.js';
import { run } from '../process/run.js';
import type { NodeImage } from './node-images.js';

/** The image of one of this repository's own processes, for those that run in the cluster (DNS). */
export function componentImage(packageName: string): NodeImage {
  const packageDir = join(entryPoint(packageName), '../..');
  const { version } = JSON.parse(readFileSync(join(packageDir, 'package.json'), 'utf8')) as { version: string };
  let archive: Promise<string> | undefined;
  return {
    reference: `kubelab/${packageName}:${version}`,
    changes: [`ENTRYPOINT ["/bin/node","/app/packages/${packageName}/dist/main.js"]`],
    archive: (work) => {
      archive ??= build(packageDir, packageName, join(work, `${packageName}.tar`));
      return archive;
    },
  };
}

async function build(packageDir: string, packageName: string, output: string): Promise<string> {
  await run([process.execPath, join(packageDir, '../../deploy/images/build.mjs'), packageName, output]);
  return output;
}
