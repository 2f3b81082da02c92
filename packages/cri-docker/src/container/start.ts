import { CriError } from '@kubelab/cri';
import type { RuntimeContext } from '../context.js';
import { dockerMessage, isNotModified, toCriError } from '../docker/errors.js';
import { inspectContainer } from './inspect.js';
import { applyUnified } from './unified.js';

/** Starts a created container. Its log file is there before its first line. */
export async function startContainer(context: RuntimeContext, id: string): Promise<void> {
  const { info, record } = await inspectContainer(context, id);
  if (info.State.Status !== 'created') {
    throw new CriError(
      'FAILED_PRECONDITION',
      `container ${id} is ${info.State.Status}: only a created one can be started`,
    );
  }
  await context.logs.start(info.Id, record.logPath);
  context.oom.watch(info.Id, info.HostConfig.CgroupParent);
  const stages = context.readOnlyStages.among(info.HostConfig.Mounts);
  try {
    for (const [target, stage] of stages) {
      const mount = record.mounts.find(({ container_path }) => container_path === target);
      if (mount) await context.readOnlyStages.fill(stage, mount.host_path);
    }
    await context.docker.quick.getContainer(info.Id).start();
  } catch (error) {
    if (isNotModified(error)) return;
    await context.logs.finish(info.Id);
    const failed = toCriError(error, `start container ${id}`);
    throw new CriError(failed.code === 'UNAVAILABLE' ? 'UNAVAILABLE' : 'UNKNOWN', dockerMessage(error), {
      cause: error,
    });
  } finally {
    for (const stage of stages.values()) {
      await context.readOnlyStages
        .empty(stage)
        .catch((error: unknown) => context.logger.error('A read-only stage stays mounted', { stage, error }));
    }
  }
  await applyUnified(context, info.Id, record.unified);
}
