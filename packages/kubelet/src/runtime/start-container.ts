import { mkdir, readdir } from 'node:fs/promises';
import { join } from 'node:path';
import type { V1Container } from '@kubelab/api';
import type { PodSandboxConfig } from '@kubelab/cri';
import { makeEnvironment } from '../env/env.js';
import { serviceEnvironment } from '../env/service-env.js';
import { runHook } from '../lifecycle/hooks.js';
import type { Pod } from '../pod/types.js';
import { wantsRecursive } from '../volumes/recursive-read-only.js';
import type { MountedVolume } from '../volumes/types.js';
import { containerConfig } from './container-config.js';
import { hostsMount, terminationLogMount, volumeMounts } from './container-mounts.js';
import { killContainer } from './kill-container.js';
import type { RunnerContext } from './runner-context.js';
import { verifyNonRoot } from './security-context.js';
import { StartError } from './start-error.js';
import { latestContainer, type PodRuntimeState } from './types.js';

export interface StartRequest {
  pod: Pod;
  container: V1Container;
  state: PodRuntimeState;
  sandboxId: string;
  sandbox: PodSandboxConfig;
  podIps: string[];
  volumes: Map<string, MountedVolume>;
  /** Managed hosts file of the pod on the host, if any. */
  hostsFile: string | undefined;
  targetContainerId?: string;
  signal: AbortSignal;
}

/**
 * Starts one container: image, configuration, create, start, postStart. Each step's failure is a StartError with the
 * kubelet's reason, and an event.
 */
export async function startContainer(context: RunnerContext, request: StartRequest): Promise<string> {
  const { pod, container, signal } = request;
  const { cri, events } = context;
  const image = await context.puller.ensure(pod, container, signal);
  signal.throwIfAborted();
  const restartCount = await nextRestartCount(request);
  let config: Awaited<ReturnType<typeof build>>;
  try {
    config = await build(context, request, image, restartCount);
  } catch (error) {
    const message = (error as Error).message;
    events.container(pod, container, 'Warning', 'Failed', `Error: ${message}`);
    throw new StartError('CreateContainerConfigError', message);
  }
  let id: string;
  try {
    // The log's folder must be there: the runtime opens the file at start.
    await mkdir(join(request.sandbox.log_directory ?? '', container.name), { recursive: true, mode: 0o755 });
    const created = await cri.createContainer({
      pod_sandbox_id: request.sandboxId,
      config,
      sandbox_config: request.sandbox,
    });
    id = created.container_id;
  } catch (error) {
    const message = (error as Error).message;
    events.container(pod, container, 'Warning', 'Failed', `Error: ${message}`);
    throw new StartError('CreateContainerError', message);
  }
  events.container(pod, container, 'Normal', 'Created', `Created container: ${container.name}`);
  try {
    await cri.startContainer({ container_id: id });
  } catch (error) {
    const message = (error as Error).message;
    events.container(pod, container, 'Warning', 'Failed', `Error: ${message}`);
    throw new StartError('RunContainerError', message);
  }
  events.container(pod, container, 'Normal', 'Started', `Started container ${container.name}`);
  await postStart(context, request, id);
  return id;
}

async function nextRestartCount({ state, container, sandbox }: StartRequest): Promise<number> {
  const status = latestContainer(state, container.name);
  if (status) return status.restartCount + 1;
  // After the runtime lost its containers, the numbers of the logs still tell how often this one was started.
  let count = 0;
  const files = await readdir(join(sandbox.log_directory ?? '', container.name)).catch(() => []);
  for (const file of files) {
    const match = /^(\d+)\.log/.exec(file);
    if (match) count = Math.max(count, Number(match[1]) + 1);
  }
  return count;
}

async function build(
  context: RunnerContext,
  request: StartRequest,
  image: { ref: string; uid: number | undefined; username: string },
  restartCount: number,
) {
  const { pod, container } = request;
  const user = { uid: image.uid, name: image.username };
  verifyNonRoot(pod, container, user);
  const services = await context.services();
  const environment = await makeEnvironment(pod, container, {
    objects: context.objectsFor(pod),
    services: serviceEnvironment(services, pod.metadata.namespace, pod.spec.enableServiceLinks !== false),
    allocatable: context.allocatable(),
    podIps: request.podIps,
    hostIps: context.hostIps(),
    nodeName: context.nodeName,
  });
  const assigned = await context.devices?.(pod, container);
  for (const [key, value] of Object.entries(assigned?.envs ?? {})) environment.set(key, value);
  const mounts = await volumeMounts({
    pod,
    container,
    volumes: request.volumes,
    environment,
    paths: context.paths,
    recursiveReadOnly: wantsRecursive(container) && (await context.recursiveReadOnly(pod)),
  });
  if (request.hostsFile) mounts.push(...hostsMount(container, request.hostsFile));
  const log = await terminationLogMount(pod.metadata.uid, container, context.paths);
  mounts.push(log.mount, ...(assigned?.mounts ?? []));
  return containerConfig({
    pod,
    container,
    restartCount,
    image: { ref: image.ref, specified: container.image ?? '', user },
    environment,
    mounts,
    devices: assigned?.devices ?? [],
    cdiDevices: assigned?.cdiDevices,
    extraAnnotations: assigned?.annotations,
    terminationHostPath: log.hostPath,
    memoryCapacityBytes: context.memoryCapacityBytes,
    unified: context.unified,
    security: context.security,
    targetContainerId: request.targetContainerId,
  });
}

async function postStart(context: RunnerContext, request: StartRequest, containerId: string): Promise<void> {
  const { pod, container } = request;
  const handler = container.lifecycle?.postStart;
  if (!handler) return;
  const podIp = request.podIps[0] ?? '';
  try {
    await runHook(context.cri, handler, container, containerId, podIp, request.signal);
  } catch (error) {
    if (request.signal.aborted) throw error;
    context.events.container(pod, container, 'Warning', 'FailedPostStartHook', 'PostStartHook failed');
    context.logger.info('PostStart hook failed', { pod: pod.metadata.name, container: container.name, error });
    const message = 'FailedPostStartHook';
    await killContainer(context, { pod, container, containerId, podIp, message });
    throw new StartError('PostStartHookError', (error as Error).message);
  }
}
