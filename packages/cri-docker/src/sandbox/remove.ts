import { removeContainer } from '../container/remove.js';
import type { RuntimeContext } from '../context.js';
import { isMissing, toCriError } from '../docker/errors.js';
import { labelKeys } from '../labels.js';
import { stopPodSandbox } from './stop.js';

/** Removes a sandbox with all that is in it, stopping it first if need be. One that is gone is removed. */
export async function removePodSandbox(context: RuntimeContext, id: string): Promise<void> {
  const { docker } = context;
  try {
    const { Id: fullId } = await docker.quick.getContainer(id).inspect();
    await stopPodSandbox(context, fullId);
    const containers = await docker.quick.listContainers({
      all: true,
      filters: { label: [`${labelKeys.sandboxId}=${fullId}`] },
    });
    await Promise.all(containers.map(({ Id }) => removeContainer(context, Id)));
    await docker.quick.getContainer(fullId).remove({ force: true, v: true });
    await context.networkFiles.remove(fullId);
  } catch (error) {
    if (!isMissing(error)) throw toCriError(error, `remove sandbox ${id}`);
  }
}
