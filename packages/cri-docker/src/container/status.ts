import { readFile } from 'node:fs/promises';
import type {
  ContainerStatus,
  ContainerStatusRequestOutput,
  ContainerStatusResponse,
  ContainerUser,
} from '@kubelab/cri';
import type { RuntimeContext } from '../context.js';
import { criResources } from '../convert/resources.js';
import { criSignal } from '../convert/signals.js';
import { detailedState } from '../convert/states.js';
import { isMissing } from '../docker/errors.js';
import { decodeContainer } from '../labels.js';
import { type InspectedContainer, inspectContainer } from './inspect.js';
import { allContainers } from './list.js';

export async function containerStatus(
  context: RuntimeContext,
  request: ContainerStatusRequestOutput,
): Promise<ContainerStatusResponse> {
  const inspected = await inspectContainer(context, request.container_id);
  const status = await statusOf(context, inspected);
  const { info, sandboxId } = inspected;
  const verbose = { sandboxID: sandboxId, pid: info.State.Pid, config: info.Config, hostConfig: info.HostConfig };
  return { status, info: request.verbose ? { info: JSON.stringify(verbose) } : {} };
}

/** The statuses of all containers of a sandbox. One removed meanwhile is left out. */
export async function statusesOf(context: RuntimeContext, sandboxId: string): Promise<ContainerStatus[]> {
  const containers = await allContainers(context, sandboxId);
  const statuses = await Promise.all(
    containers.map(async ({ id, record }) => {
      try {
        const info = await context.docker.quick.getContainer(id).inspect();
        return await statusOf(context, { info, record: decodeContainer(info.Config.Labels) ?? record, sandboxId });
      } catch (error) {
        if (isMissing(error)) return undefined;
        throw error;
      }
    }),
  );
  return statuses.filter((status) => status !== undefined);
}

/** The CRI status of an inspected container. An ended one's log is complete when this returns. */
export async function statusOf(context: RuntimeContext, inspected: InspectedContainer): Promise<ContainerStatus> {
  const { info, record } = inspected;
  const state = detailedState(info.State, record.createdAt);
  if (state.state === 'CONTAINER_EXITED') {
    await context.logs.finishSoon(info.Id);
    if (await context.oom.ranOut(info)) state.reason = 'OOMKilled';
  }
  const names = await context.imageNames.of(info.Image);
  return {
    id: info.Id,
    metadata: record.metadata,
    state: state.state,
    created_at: record.createdAt,
    started_at: state.startedAt,
    finished_at: state.finishedAt,
    exit_code: state.exitCode,
    reason: state.reason,
    message: state.message,
    image: { image: names.tag ?? names.digest ?? record.image, user_specified_image: record.userSpecifiedImage },
    image_ref: names.digest ?? info.Image,
    image_id: info.Image,
    labels: record.labels,
    annotations: record.annotations,
    mounts: record.mounts,
    log_path: record.logPath,
    resources: { linux: criResources(info.HostConfig, record.unified) },
    user: await userOf(inspected),
    // Docker keeps the image's or the container's own; without any it sends SIGTERM.
    stop_signal: criSignal((info.Config as { StopSignal?: string }).StopSignal),
  };
}

/** Who the container's first process runs as; null when that is not known. */
async function userOf({ info, record }: InspectedContainer): Promise<ContainerUser | null> {
  if (record.user) {
    const { uid, gid, supplementalGroups } = record.user;
    return { linux: { uid, gid, supplemental_groups: supplementalGroups } };
  }
  if (!info.State.Running || info.State.Pid === 0) return null;
  try {
    const status = await readFile(`/proc/${info.State.Pid}/status`, 'utf8');
    const numbers = (key: string) => (new RegExp(`^${key}:\\s*(.*)$`, 'm').exec(status)?.[1] ?? '').trim().split(/\s+/);
    return {
      linux: {
        uid: Number(numbers('Uid')[0]),
        gid: Number(numbers('Gid')[0]),
        supplemental_groups: numbers('Groups')
          .filter((group) => group !== '')
          .map(Number),
      },
    };
  } catch {
    // It ended just now.
    return null;
  }
}
