import { join } from 'node:path';
import type { V1Container } from '@kubelab/api';
import { Quantity } from '@kubelab/apimachinery';
import type { ContainerConfig, Device, Mount } from '@kubelab/cri';
import { expand } from '../env/expand.js';
import { oomScoreAdj } from '../pod/qos.js';
import type { Pod } from '../pod/types.js';
import { containerHash } from './container-hash.js';
import {
  containerHashAnnotation,
  containerNameLabel,
  containerPortsAnnotation,
  podDeletionGraceAnnotation,
  podGraceAnnotation,
  podNameLabel,
  podNamespaceLabel,
  podUidLabel,
  preStopAnnotation,
  restartCountAnnotation,
  terminationHostPathAnnotation,
  terminationPathAnnotation,
  terminationPolicyAnnotation,
} from './labels.js';
import { linuxResources } from './linux-resources.js';
import { containerSecurity, type ImageUser, type SecuritySettings } from './security-context.js';

export interface ContainerConfigInput {
  pod: Pod;
  container: V1Container;
  restartCount: number;
  image: { ref: string; specified: string; user: ImageUser };
  environment: Map<string, string>;
  mounts: Mount[];
  devices: Device[];
  /** From device plugins. */
  extraAnnotations?: Record<string, string>;
  cdiDevices?: string[];
  /** Host file bound at the container's terminationMessagePath. */
  terminationHostPath: string | undefined;
  memoryCapacityBytes: number;
  /** Files of cgroup v2 to set beside the limits. */
  unified?: Record<string, string>;
  security: SecuritySettings;
  /** Container whose process namespace an ephemeral container shares. */
  targetContainerId?: string;
}

/** Folder and file of a container's log, relative to the sandbox's log directory. */
export function containerLogPath(name: string, restartCount: number): string {
  return join(name, `${restartCount}.log`);
}

export function containerConfig(input: ContainerConfigInput): ContainerConfig {
  const { pod, container, environment } = input;
  const lookup = (name: string) => environment.get(name);
  return {
    metadata: { name: container.name, attempt: input.restartCount },
    image: { image: input.image.ref, user_specified_image: input.image.specified },
    command: (container.command ?? []).map((text) => expand(text, lookup)),
    args: (container.args ?? []).map((text) => expand(text, lookup)),
    working_dir: container.workingDir ?? '',
    envs: [...environment].map(([key, value]) => ({ key, value })),
    mounts: input.mounts,
    devices: input.devices,
    CDI_devices: (input.cdiDevices ?? []).map((name) => ({ name })),
    labels: {
      [containerNameLabel]: container.name,
      [podNameLabel]: pod.metadata.name,
      [podNamespaceLabel]: pod.metadata.namespace,
      [podUidLabel]: pod.metadata.uid,
    },
    annotations: containerAnnotations(input),
    log_path: containerLogPath(container.name, input.restartCount),
    stdin: container.stdin === true,
    stdin_once: container.stdinOnce === true,
    tty: container.tty === true,
    linux: {
      resources: {
        ...containerResources(pod, container, input.memoryCapacityBytes),
        ...(input.unified ? { unified: input.unified } : {}),
      },
      security_context: containerSecurity(pod, container, input.image.user, input.security, input.targetContainerId),
    },
  };
}

export function containerResources(pod: Pod, container: V1Container, memoryCapacityBytes: number) {
  const { requests, limits } = container.resources ?? {};
  return linuxResources({
    cpuRequest: Quantity.tryParse(requests?.cpu),
    cpuLimit: Quantity.tryParse(limits?.cpu ?? pod.spec.resources?.limits?.cpu),
    memoryLimit: Quantity.tryParse(limits?.memory ?? pod.spec.resources?.limits?.memory),
    oomScoreAdj: oomScoreAdj(pod, container, memoryCapacityBytes),
  });
}

function containerAnnotations(input: ContainerConfigInput): Record<string, string> {
  const { pod, container } = input;
  const annotations: Record<string, string> = {
    ...input.extraAnnotations,
    [containerHashAnnotation]: containerHash(container),
    [restartCountAnnotation]: String(input.restartCount),
    [terminationPathAnnotation]: container.terminationMessagePath ?? '/dev/termination-log',
    [terminationPolicyAnnotation]: container.terminationMessagePolicy ?? 'File',
  };
  if (input.terminationHostPath) annotations[terminationHostPathAnnotation] = input.terminationHostPath;
  const { deletionGracePeriodSeconds } = pod.metadata;
  const { terminationGracePeriodSeconds } = pod.spec;
  if (deletionGracePeriodSeconds !== undefined) {
    annotations[podDeletionGraceAnnotation] = String(deletionGracePeriodSeconds);
  }
  if (terminationGracePeriodSeconds !== undefined)
    annotations[podGraceAnnotation] = String(terminationGracePeriodSeconds);
  if (container.lifecycle?.preStop) annotations[preStopAnnotation] = JSON.stringify(container.lifecycle.preStop);
  if (container.ports?.length) annotations[containerPortsAnnotation] = JSON.stringify(container.ports);
  return annotations;
}
