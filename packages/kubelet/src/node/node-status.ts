import type { V1ContainerImage, V1NodeCondition, V1NodeStatus } from '@kubelab/api';
import { nowSecond } from '@kubelab/apimachinery';
import type { MachineInfo } from './machine.js';

/** The version this agent reports: the API level it implements. */
export const kubeletVersion = 'v1.33.0-kubelab';

export interface NodeStatusInput {
  machine: MachineInfo;
  /** First is the InternalIP; a second one of the other family may follow. */
  nodeIps: string[];
  hostname: string;
  port: number;
  capacity: Record<string, string>;
  allocatable: Record<string, string>;
  runtimeVersion: string;
  images: V1ContainerImage[];
  pressures: { memory: boolean; disk: boolean; pid: boolean };
  /** Why the node is not ready; empty when it is. */
  problems: string[];
  previous: V1NodeCondition[];
  runtimeHandlers?: V1NodeStatus['runtimeHandlers'];
  volumesInUse?: string[];
  now?: Date;
}

interface Verdict {
  status: boolean;
  reason: string;
  message: string;
}

/** Only this many images are reported; --node-status-max-images. */
const maxImages = 50;

export function nodeStatus(input: NodeStatusInput): V1NodeStatus {
  return {
    addresses: [
      ...input.nodeIps.map((address) => ({ type: 'InternalIP', address })),
      { type: 'Hostname', address: input.hostname },
    ],
    capacity: input.capacity,
    allocatable: input.allocatable,
    conditions: nodeConditions(input),
    daemonEndpoints: { kubeletEndpoint: { Port: input.port } },
    nodeInfo: {
      architecture: input.machine.architecture,
      bootID: input.machine.bootId,
      containerRuntimeVersion: input.runtimeVersion,
      kernelVersion: input.machine.kernelVersion,
      kubeProxyVersion: kubeletVersion,
      kubeletVersion,
      machineID: input.machine.machineId,
      operatingSystem: 'linux',
      osImage: input.machine.osImage,
      systemUUID: input.machine.systemUuid,
    },
    images: input.images.slice(0, maxImages),
    ...(input.runtimeHandlers?.length ? { runtimeHandlers: input.runtimeHandlers } : {}),
    ...(input.volumesInUse?.length ? { volumesInUse: input.volumesInUse } : {}),
  };
}

function nodeConditions(input: NodeStatusInput): V1NodeCondition[] {
  const { pressures, problems } = input;
  const verdicts: Record<string, Verdict> = {
    MemoryPressure: pressures.memory
      ? { status: true, reason: 'KubeletHasInsufficientMemory', message: 'kubelet has insufficient memory available' }
      : { status: false, reason: 'KubeletHasSufficientMemory', message: 'kubelet has sufficient memory available' },
    DiskPressure: pressures.disk
      ? { status: true, reason: 'KubeletHasDiskPressure', message: 'kubelet has disk pressure' }
      : { status: false, reason: 'KubeletHasNoDiskPressure', message: 'kubelet has no disk pressure' },
    PIDPressure: pressures.pid
      ? { status: true, reason: 'KubeletHasInsufficientPID', message: 'kubelet has insufficient PID available' }
      : { status: false, reason: 'KubeletHasSufficientPID', message: 'kubelet has sufficient PID available' },
    Ready:
      problems.length === 0
        ? { status: true, reason: 'KubeletReady', message: 'kubelet is posting ready status' }
        : { status: false, reason: 'KubeletNotReady', message: problems.join(', ') },
  };
  const now = nowSecond(input.now);
  const own = Object.entries(verdicts).map(([type, verdict]) => {
    const status = verdict.status ? 'True' : 'False';
    const before = input.previous.find((condition) => condition.type === type);
    return {
      type,
      status,
      reason: verdict.reason,
      message: verdict.message,
      lastHeartbeatTime: now,
      lastTransitionTime: before?.status === status ? (before.lastTransitionTime ?? now) : now,
    };
  });
  // Conditions of others (NetworkUnavailable of a network) stay.
  return [...input.previous.filter((condition) => !(condition.type in verdicts)), ...own];
}
