import { Readable } from 'node:stream';
import type { DockerClients } from '../docker/client.js';
import { isMissing, toCriError } from '../docker/errors.js';
import { pauseProgram } from './program.js';
import { tarOf } from './tar.js';

/** The image this shim makes itself; a name in nobody's registry, so it is never pulled. */
export const ownPauseImage = 'kubelab/pause:1';

/** Makes sure of the sandbox image: makes our own in Docker, pulls any other if it is missing. */
export async function ensurePauseImage(docker: DockerClients, image: string): Promise<void> {
  try {
    await docker.quick.getImage(image).inspect();
    return;
  } catch (error) {
    if (!isMissing(error)) throw toCriError(error, `inspect sandbox image ${image}`);
  }
  if (image !== ownPauseImage) {
    const progress = await docker.open.pull(image);
    await new Promise<void>((resolve, reject) => {
      docker.open.modem.followProgress(progress, (error) => (error ? reject(error) : resolve()));
    });
    return;
  }
  const [repo, tag] = image.split(':');
  const archive = tarOf('pause', pauseProgram(process.arch));
  const stream = await docker.open.importImage(Readable.from([archive]), {
    repo,
    tag,
    changes: ['ENTRYPOINT ["/pause"]', 'LABEL io.kubelab.pause=1'],
  });
  for await (const chunk of stream) {
    const text = String(chunk);
    if (text.includes('"error"')) throw new Error(`import sandbox image: ${text}`);
  }
}
