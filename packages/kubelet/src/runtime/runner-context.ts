import type { V1Container, V1Service } from '@kubelab/api';
import type { Logger } from '@kubelab/component-base';
import type { CriClient, Device, Mount } from '@kubelab/cri';
import type { Allocatable } from '../env/field-ref.js';
import type { Events } from '../events.js';
import type { ImagePuller } from '../images/puller.js';
import type { Pod } from '../pod/types.js';
import type { PodPaths } from '../volumes/paths.js';
import type { VolumeObjects } from '../volumes/types.js';
import type { SandboxSettings } from './sandbox-config.js';
import type { SecuritySettings } from './security-context.js';

/** What device plugins add to a container. */
export interface AssignedDevices {
  devices: Device[];
  mounts: Mount[];
  envs: Record<string, string>;
  annotations: Record<string, string>;
  cdiDevices: string[];
}

/** Resolves when the network policies that select a new pod hold for its addresses. */
export type IsolatePod = (pod: Pod, ips: string[]) => Promise<void>;

/** Everything that starting containers needs. */
export interface RunnerContext {
  cri: CriClient;
  events: Events;
  logger: Logger;
  puller: ImagePuller;
  paths: PodPaths;
  security: SecuritySettings;
  sandbox: SandboxSettings;
  nodeName: string;
  memoryCapacityBytes: number;
  /** Files of cgroup v2 that every container gets; none with v1. */
  unified: Record<string, string>;
  /** All services, once they are known. */
  services(): Promise<V1Service[]>;
  objectsFor(pod: Pod): VolumeObjects;
  allocatable(): Allocatable;
  hostIps(): string[];
  /** Allocates extended resources; rejects when there are not enough. */
  devices?(pod: Pod, container: V1Container): Promise<AssignedDevices>;
  /** Called before a new sandbox gets containers; absent where another process enforces policies. */
  isolate?: IsolatePod | undefined;
  /** Name of the runtime handler of a RuntimeClass. */
  runtimeHandler(className: string | undefined): Promise<string>;
  /** Whether the pod's runtime has recursive read-only mounts; one that is not known has none. */
  recursiveReadOnly(pod: Pod): Promise<boolean>;
}
