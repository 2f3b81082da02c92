import type Docker from 'dockerode';
import type { RuntimeContext } from '../context.js';
import { isConflict, isMissing, toCriError } from '../docker/errors.js';
import { decodeSandbox, labelKeys } from '../labels.js';
import { tearDownNetwork, usesHostNetwork } from './network.js';

/**
 * Stops a sandbox: kills what still runs in it, gives its network back, ends the sandbox container. Every step may
 * find its work done: the call can be repeated until it succeeds, and a sandbox that is gone is stopped.
 */
export async function stopPodSandbox(context: RuntimeContext, id: string): Promise<void> {
  const { docker } = context;
  try {
    const sandbox = docker.quick.getContainer(id);
    const info = await sandbox.inspect();
    const record = decodeSandbox(info.Config.Labels);
    if (!record) return;
    await killContainersOf(context, info.Id);
    if (!usesHostNetwork(record)) await tearDownNetwork(context, info.Id, record, info.State.Pid);
    if (info.State.Running) await killQuietly(sandbox);
  } catch (error) {
    if (!isMissing(error)) throw toCriError(error, `stop sandbox ${id}`);
  }
}

async function killContainersOf(context: RuntimeContext, sandboxId: string): Promise<void> {
  const running = await context.docker.quick.listContainers({
    filters: { label: [`${labelKeys.sandboxId}=${sandboxId}`] },
  });
  await Promise.all(
    running.map(async ({ Id }) => {
      await killQuietly(context.docker.quick.getContainer(Id));
      await context.logs.finishSoon(Id);
    }),
  );
}

/** Kills and waits for the end: kill alone returns before Docker has noticed. */
async function killQuietly(container: Docker.Container): Promise<void> {
  try {
    await container.kill();
    await container.wait();
  } catch (error) {
    // 409: it does not run; 404: it is gone.
    if (!isConflict(error) && !isMissing(error)) throw error;
  }
}
