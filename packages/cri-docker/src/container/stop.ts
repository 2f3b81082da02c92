import type { RuntimeContext } from '../context.js';
import { isConflict, isMissing, isNotModified, toCriError } from '../docker/errors.js';

/**
 * Stops a container: its stop signal, SIGKILL after `timeoutSeconds`; 0 kills at once. Returns when it has ended and
 * its log is written. One that does not run, or is gone, is stopped.
 */
export async function stopContainer(context: RuntimeContext, id: string, timeoutSeconds: number): Promise<void> {
  const container = context.docker.open.getContainer(id);
  try {
    if (timeoutSeconds > 0) await container.stop({ t: timeoutSeconds });
    else {
      await container.kill();
      await container.wait();
    }
  } catch (error) {
    if (isMissing(error)) return;
    if (!isNotModified(error) && !isConflict(error)) throw toCriError(error, `stop container ${id}`);
  }
  const { Id, State } = await container.inspect().catch((error: unknown) => {
    if (isMissing(error)) return { Id: id, State: { Running: false } };
    throw toCriError(error, `inspect container ${id}`);
  });
  if (!State.Running) await context.logs.finishSoon(Id);
}
