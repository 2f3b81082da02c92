import type { V1Container, V1ContainerState, V1ContainerStatus } from '@kubelab/api';
import { nowSecond } from '@kubelab/apimachinery';
import { type ContainerKind, isSidecar, type Pod } from '../pod/types.js';
import { shouldRestart } from '../runtime/restart-policy.js';
import type { PodRuntimeState, RuntimeContainer } from '../runtime/types.js';

/** Why a container could not be started: reason and message of its waiting state. */
export interface StartFailure {
  reason: string;
  message: string;
}

export interface ContainerStatusInput {
  pod: Pod;
  state: PodRuntimeState;
  previous: V1ContainerStatus[];
  kind: ContainerKind;
  containers: V1Container[];
  /** `docker://` or `containerd://`, before the id. */
  runtimeName: string;
  failures: ReadonlyMap<string, StartFailure>;
  /** Initialization is over: regular containers wait as ContainerCreating, not PodInitializing. */
  hasInit: boolean;
  /** The pod is ending or ended: a container without status will not be created any more. */
  terminated: boolean;
  volumeMounts?(container: V1Container): V1ContainerStatus['volumeMounts'];
}

const time = (ms: number) => (ms > 0 ? nowSecond(new Date(ms)) : undefined);

function toState(container: RuntimeContainer, containerId: string): V1ContainerState {
  switch (container.state) {
    case 'running':
      return { running: { startedAt: time(container.startedAt) } };
    case 'exited':
      return {
        terminated: {
          exitCode: container.exitCode,
          reason: container.reason || (container.exitCode === 0 ? 'Completed' : 'Error'),
          ...(container.message ? { message: container.message } : {}),
          startedAt: time(container.startedAt) ?? time(container.createdAt),
          finishedAt: time(container.finishedAt),
          containerID: containerId,
        },
      };
    case 'created':
      return { waiting: { reason: 'ContainerCreating' } };
    default:
      return {
        terminated: {
          exitCode: 137,
          reason: 'ContainerStatusUnknown',
          message: 'The container could not be located when the pod was terminated',
          containerID: containerId,
        },
      };
  }
}

function convert(input: ContainerStatusInput, spec: V1Container, container: RuntimeContainer): V1ContainerStatus {
  const containerID = `${input.runtimeName}://${container.id}`;
  const previous = input.previous.find((status) => status.name === spec.name);
  const status: V1ContainerStatus = {
    name: spec.name,
    image: container.image,
    imageID: container.imageRef,
    restartCount: container.restartCount,
    ready: false,
    started: false,
    state: toState(container, containerID),
    lastState: {},
    containerID,
  };
  // A container that is being created shows what its predecessor had.
  if (container.state === 'created' && previous?.lastState) status.lastState = previous.lastState;
  const volumeMounts = input.volumeMounts?.(spec);
  if (volumeMounts && volumeMounts.length > 0) status.volumeMounts = volumeMounts;
  if (container.user) status.user = { linux: container.user };
  if (input.kind !== 'ephemeral' && (spec.resources?.requests || spec.resources?.limits)) {
    status.allocatedResources = spec.resources.requests;
    status.resources = { limits: spec.resources.limits, requests: spec.resources.requests };
  }
  return status;
}

function missing(input: ContainerStatusInput, spec: V1Container): V1ContainerStatus {
  const previous = input.previous.find((status) => status.name === spec.name);
  const reason = input.hasInit && input.kind === 'regular' ? 'PodInitializing' : 'ContainerCreating';
  const status: V1ContainerStatus = {
    name: spec.name,
    image: spec.image ?? '',
    imageID: '',
    ready: false,
    started: false,
    restartCount: previous?.restartCount ?? 0,
    state: { waiting: { reason: input.hasInit && input.kind === 'init' ? 'PodInitializing' : reason } },
    lastState: previous?.lastState ?? {},
  };
  if (!previous) return status;
  if (previous.state?.terminated) {
    // Removed by the garbage collector: what it ended with stays known.
    return { ...previous, ready: input.kind === 'init' && previous.state.terminated.exitCode === 0 };
  }
  if (!previous.state?.running) return input.terminated ? { ...status, state: previous.state ?? status.state } : status;
  const lost: V1ContainerState = {
    terminated: {
      exitCode: 137,
      reason: 'ContainerStatusUnknown',
      message: 'The container could not be located when the pod was deleted.  The container used to be Running',
    },
  };
  if (input.terminated) return { ...previous, ready: false, started: false, state: lost };
  return { ...status, lastState: lost, restartCount: previous.restartCount + 1 };
}

/** The statuses of one kind of containers of a pod, in spec order. `ready` and `started` are the prober's to set. */
export function containerStatuses(input: ContainerStatusInput): V1ContainerStatus[] {
  return input.containers.map((spec) => {
    const incarnations = input.state.containers.filter((container) => container.name === spec.name);
    const [latest, before] = incarnations;
    if (!latest) return withFailure(input, spec, missing(input, spec));
    const status = convert(input, spec, latest);
    if (before && latest.state !== 'unknown') {
      const last = toState(before, `${input.runtimeName}://${before.id}`);
      if (last.terminated) status.lastState = last;
    } else if (latest.restartCount > 0) {
      const previous = input.previous.find((candidate) => candidate.name === spec.name);
      const ended = previous?.state?.terminated;
      status.lastState =
        ended && ended.containerID !== status.containerID ? { terminated: ended } : (previous?.lastState ?? {});
      if (status.lastState?.terminated?.containerID === status.containerID) status.lastState = {};
    }
    return withFailure(input, spec, status);
  });
}

/** A container that is to be started again shows why it waits, and its end as last state. */
function withFailure(input: ContainerStatusInput, spec: V1Container, status: V1ContainerStatus): V1ContainerStatus {
  const failure = input.failures.get(spec.name);
  if (!failure || input.terminated || !shouldRestart(spec, input.pod, input.state)) return status;
  if (input.kind === 'init' && !isSidecar(spec) && status.state?.terminated?.exitCode === 0) return status;
  if (status.state?.terminated) status.lastState = status.state;
  status.state = { waiting: { reason: failure.reason, message: failure.message } };
  return status;
}
