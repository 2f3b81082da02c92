import { existsSync, readFileSync } from 'node:fs';
import { writePublicFile } from '@kubelab/pki';
import { run } from '../process/run.js';
import type { NodeDocker } from './docker-sockets.js';

/**
 * Notes in the CRI shim's state which images were put on the node by hand, with their ids. The shim answers a pull of
 * such a reference with the image that is there: with `:latest` Kubernetes pulls at each start, and these images are
 * in no registry.
 */
export async function recordLoadedImages(target: NodeDocker, references: string[]): Promise<void> {
  const file = `${target.node.stateDir}/cri-docker/loaded-images.json`;
  const known = existsSync(file) ? (JSON.parse(readFileSync(file, 'utf8')) as Record<string, string>) : {};
  for (const reference of references) {
    const { stdout } = await run([
      ...['docker', '-H', `unix://${target.socket}`, 'image', 'inspect', '--format', '{{.Id}}', reference],
    ]);
    known[reference] = stdout.trim();
  }
  writePublicFile(file, `${JSON.stringify(known, null, 2)}\n`);
}
