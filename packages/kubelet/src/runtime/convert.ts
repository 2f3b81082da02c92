import type { ContainerStatusOutput, PodSandboxStatusOutput } from '@kubelab/cri';
import { containerHashAnnotation, restartCountAnnotation } from './labels.js';
import type { RuntimeContainer, RuntimeContainerState, RuntimeSandbox } from './types.js';

/** Milliseconds of CRI's nanoseconds. */
export const nanosToMs = (nanos: number) => Math.floor(nanos / 1e6);

const states: Record<string, RuntimeContainerState> = {
  CONTAINER_CREATED: 'created',
  CONTAINER_RUNNING: 'running',
  CONTAINER_EXITED: 'exited',
};

export function toSandbox(status: PodSandboxStatusOutput): RuntimeSandbox {
  const hostNetwork = status.linux?.namespaces?.options?.network === 'NODE';
  const ready = status.state === 'SANDBOX_READY';
  const network = status.network;
  const ips = [network?.ip ?? '', ...(network?.additional_ips ?? []).map((entry) => entry.ip)];
  return {
    id: status.id,
    uid: status.metadata?.uid ?? '',
    name: status.metadata?.name ?? '',
    namespace: status.metadata?.namespace ?? '',
    attempt: status.metadata?.attempt ?? 0,
    ready,
    createdAt: nanosToMs(status.created_at),
    ips: hostNetwork ? [] : ips.filter((ip) => ip !== ''),
    hostNetwork,
  };
}

export function toContainer(status: ContainerStatusOutput, sandboxId: string): RuntimeContainer {
  const linux = status.resources?.linux;
  const user = status.user?.linux;
  return {
    id: status.id,
    sandboxId,
    name: status.metadata?.name ?? '',
    state: states[status.state] ?? 'unknown',
    createdAt: nanosToMs(status.created_at),
    startedAt: nanosToMs(status.started_at),
    finishedAt: nanosToMs(status.finished_at),
    exitCode: status.exit_code,
    image: status.image?.user_specified_image || status.image?.image || '',
    imageRef: status.image_ref,
    imageId: status.image_id,
    reason: status.reason,
    message: status.message,
    restartCount: Number(status.annotations[restartCountAnnotation] ?? status.metadata?.attempt ?? 0),
    hash: status.annotations[containerHashAnnotation] ?? '',
    logPath: status.log_path,
    annotations: status.annotations,
    ...(user
      ? { user: { uid: user.uid, gid: user.gid, supplementalGroups: user.supplemental_groups.map(Number) } }
      : {}),
    ...(linux
      ? {
          resources: {
            cpuShares: linux.cpu_shares,
            cpuQuota: linux.cpu_quota,
            cpuPeriod: linux.cpu_period,
            memoryBytes: linux.memory_limit_in_bytes,
          },
        }
      : {}),
  };
}
