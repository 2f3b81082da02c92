import type { V1Container, V1ContainerStatus, V1PodCondition } from '@kubelab/api';
import type { Logger } from '@kubelab/component-base';
import type { CriClient } from '@kubelab/cri';
import type { Events } from '../events.js';
import type { ImagePuller } from '../images/puller.js';
import type { Pod } from '../pod/types.js';
import type { ProbeManager } from '../probes/manager.js';
import type { Backoff } from '../runtime/backoff.js';
import type { RuntimeReader } from '../runtime/reader.js';
import type { RunnerContext } from '../runtime/runner-context.js';
import type { PodRuntimeState } from '../runtime/types.js';
import type { StatusManager } from '../status/manager.js';
import type { VolumeManager } from '../volumes/manager.js';
import type { Rejection } from './admission.js';

/** What all pod workers share. */
export interface WorkerContext {
  cri: CriClient;
  events: Events;
  logger: Logger;
  reader: RuntimeReader;
  runner: RunnerContext;
  puller: ImagePuller;
  probes: ProbeManager;
  statuses: StatusManager;
  volumes: VolumeManager;
  crashBackoff: Backoff;
  runtimeName(): string;
  hostIps(): string[];
  /** undefined: the network is ready; else why it is not. */
  networkProblem(): string | undefined;
  admit(pod: Pod): Rejection | undefined;
  /** Makes room for a critical pod by ending others; resolves with whether it is worth asking again. */
  preempt(pod: Pod, rejection: Rejection): Promise<boolean>;
  /** When service account tokens of the pod want renewal, milliseconds since the epoch. */
  nextTokenRefresh(uid: string): number | undefined;
  ensureCgroup(pod: Pod): Promise<void>;
  removeCgroup(pod: Pod): Promise<void>;
  /** Applies in-place changes of resources to running containers; resolves with whether anything was changed. */
  resize?(pod: Pod, state: PodRuntimeState): Promise<boolean>;
  /** Conditions of the pod beyond the usual ones. */
  extraConditions?(uid: string): V1PodCondition[];
  /** How a container's volumes are mounted; asked of the default runtime handler, whatever the pod's is. */
  volumeMountStatus?(container: V1Container): V1ContainerStatus['volumeMounts'];
  /** The runtime's leftovers of the pod are removed: containers, sandboxes, logs. */
  removeFromRuntime(pod: Pod): Promise<void>;
  /** Watches, tokens, back-offs and probes kept for the pod are dropped. */
  forget(uid: string): void;
  /** Milliseconds of a pod's first start, for metrics. */
  onStarted?(pod: Pod, ms: number): void;
  /** The worker has nothing left to do. */
  onDone(uid: string): void;
}
