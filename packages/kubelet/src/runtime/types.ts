/** A sandbox as the runtime reports it. Times are milliseconds since the epoch. */
export interface RuntimeSandbox {
  id: string;
  uid: string;
  name: string;
  namespace: string;
  attempt: number;
  ready: boolean;
  createdAt: number;
  /** Primary first; empty for host network and for sandboxes that are not ready. */
  ips: string[];
  hostNetwork: boolean;
}

export type RuntimeContainerState = 'created' | 'running' | 'exited' | 'unknown';

/** A container as the runtime reports it. Times are milliseconds since the epoch, 0 where it has not happened. */
export interface RuntimeContainer {
  id: string;
  sandboxId: string;
  name: string;
  state: RuntimeContainerState;
  createdAt: number;
  startedAt: number;
  finishedAt: number;
  exitCode: number;
  image: string;
  imageRef: string;
  imageId: string;
  reason: string;
  message: string;
  restartCount: number;
  hash: string;
  logPath: string;
  annotations: Record<string, string>;
  user?: { uid: number; gid: number; supplementalGroups: number[] };
  resources?: { cpuShares: number; cpuQuota: number; cpuPeriod: number; memoryBytes: number };
}

/** What the runtime has of one pod, newest first. */
export interface PodRuntimeState {
  uid: string;
  name: string;
  namespace: string;
  sandboxes: RuntimeSandbox[];
  containers: RuntimeContainer[];
}

export function emptyState(uid: string, name: string, namespace: string): PodRuntimeState {
  return { uid, name, namespace, sandboxes: [], containers: [] };
}

/** The newest incarnation of a container. */
export function latestContainer(state: PodRuntimeState, name: string): RuntimeContainer | undefined {
  return state.containers.find((container) => container.name === name);
}

export function runningContainers(state: PodRuntimeState): RuntimeContainer[] {
  return state.containers.filter((container) => container.state === 'running');
}
