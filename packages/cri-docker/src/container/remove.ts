import type { RuntimeContext } from '../context.js';
import { dockerMessage, isConflict, isMissing, toCriError } from '../docker/errors.js';
import { releaseImageMounts } from '../image/mounts.js';

/** Removes a container, killing it first if it runs. Its CRI log stays for the client to remove. */
export async function removeContainer(context: RuntimeContext, id: string): Promise<void> {
  const container = context.docker.quick.getContainer(id);
  try {
    const { Id, State, HostConfig } = await container.inspect();
    if (State.Running) {
      await container.kill().catch((error: unknown) => {
        if (!isConflict(error) && !isMissing(error)) throw error;
      });
      await container.wait();
    }
    await context.logs.finishSoon(Id);
    await container.remove({ force: true, v: true });
    await context.logs.forget(Id);
    await context.readOnlyStages.remove(context.readOnlyStages.among(HostConfig.Mounts).values());
    await releaseImageMounts(context);
  } catch (error) {
    if (isMissing(error)) return;
    // Another call is removing it right now.
    if (isConflict(error) && dockerMessage(error).includes('already in progress')) return;
    throw toCriError(error, `remove container ${id}`);
  }
}
