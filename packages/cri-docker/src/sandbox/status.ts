import {
  CriError,
  type PodSandboxStatus,
  type PodSandboxStatusRequestOutput,
  type PodSandboxStatusResponse,
} from '@kubelab/cri';
import type { ContainerInspectInfo } from 'dockerode';
import { statusesOf } from '../container/status.js';
import type { RuntimeContext } from '../context.js';
import { isMissing, toCriError } from '../docker/errors.js';
import { decodeSandbox, type SandboxRecord } from '../labels.js';
import { nowNanos } from '../time.js';
import { checkNetwork, netnsPath, networkStatus, usesHostNetwork } from './network.js';

/** A sandbox in Docker. Throws NOT_FOUND. */
export async function inspectSandbox(
  context: RuntimeContext,
  id: string,
): Promise<{ info: ContainerInspectInfo; record: SandboxRecord }> {
  try {
    const info = await context.docker.quick.getContainer(id).inspect();
    const record = decodeSandbox(info.Config.Labels);
    if (record) return { info, record };
  } catch (error) {
    if (!isMissing(error)) throw toCriError(error, `inspect sandbox ${id}`);
  }
  throw new CriError('NOT_FOUND', `no sandbox ${id}`);
}

export async function podSandboxStatus(
  context: RuntimeContext,
  request: PodSandboxStatusRequestOutput,
): Promise<PodSandboxStatusResponse> {
  const { info, record } = await inspectSandbox(context, request.pod_sandbox_id);
  const [status, containers] = await Promise.all([statusOf(context, info, record), statusesOf(context, info.Id)]);
  return {
    status,
    containers_statuses: containers,
    timestamp: nowNanos(),
    info: request.verbose ? { info: JSON.stringify(await details(context, info, record)) } : {},
  };
}

/** For people who look for a fault: `crictl inspectp`. */
async function details(context: RuntimeContext, info: ContainerInspectInfo, record: SandboxRecord): Promise<object> {
  const { Pid: pid, Running: running } = info.State;
  const wired = running && !usesHostNetwork(record);
  return {
    pid,
    netns: netnsPath(pid),
    ...(wired ? { networkCheck: await checkNetwork(context, info.Id, record, pid) } : {}),
    image: info.Image,
    hostConfig: info.HostConfig,
  };
}

/** The CRI status of an inspected sandbox. It is ready when it runs and its network is set up. */
export async function statusOf(
  context: RuntimeContext,
  info: ContainerInspectInfo,
  record: SandboxRecord,
): Promise<PodSandboxStatus> {
  const host = usesHostNetwork(record);
  const network = host || !info.State.Running ? undefined : await context.networks.read(info.Id);
  const ready = info.State.Running && (host || network !== undefined);
  return {
    id: info.Id,
    metadata: record.metadata,
    state: ready ? 'SANDBOX_READY' : 'SANDBOX_NOTREADY',
    created_at: record.createdAt,
    network: networkStatus(network),
    linux: { namespaces: { options: record.namespaces ?? { network: 'POD', pid: 'POD', ipc: 'POD' } } },
    labels: record.labels,
    annotations: record.annotations,
    runtime_handler: record.runtimeHandler,
  };
}
