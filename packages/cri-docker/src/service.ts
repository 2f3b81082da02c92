import { type CriServer, type ImageHandlers, type RuntimeHandlers, serveCri } from '@kubelab/cri';
import { createContainer } from './container/create.js';
import { execSync } from './container/exec-sync.js';
import { listContainers } from './container/list.js';
import { removeContainer } from './container/remove.js';
import { reopenContainerLog } from './container/reopen-log.js';
import { startContainer } from './container/start.js';
import { containerStatus } from './container/status.js';
import { stopContainer } from './container/stop.js';
import { updateContainerResources } from './container/update.js';
import type { RuntimeContext } from './context.js';
import { ImageFsInfo } from './image/fs-info.js';
import { ImageLister } from './image/list.js';
import { pullImage } from './image/pull.js';
import { removeImage } from './image/remove.js';
import { imageStatus } from './image/status.js';
import { descriptors } from './metrics/descriptors.js';
import { listPodSandboxMetrics } from './metrics/list.js';
import { containerEvents } from './runtime/events.js';
import { followDocker } from './runtime/follow.js';
import { inParts } from './runtime/parts.js';
import { runtimeStatus } from './runtime/status.js';
import { runtimeConfig, version } from './runtime/version.js';
import { listPodSandbox } from './sandbox/list.js';
import { removePodSandbox } from './sandbox/remove.js';
import { runPodSandbox } from './sandbox/run.js';
import { podSandboxStatus } from './sandbox/status.js';
import { stopPodSandbox } from './sandbox/stop.js';
import { StatsCollector } from './stats/collector.js';
import { attach } from './streaming/attach.js';
import { exec } from './streaming/exec.js';
import { portForward } from './streaming/port-forward.js';

/** Every method of runtime.v1.RuntimeService that Docker can do; the others answer UNIMPLEMENTED. */
export function runtimeHandlers(context: RuntimeContext): RuntimeHandlers {
  const stats = new StatsCollector(context);
  return {
    version: () => version(context),
    status: (request) => runtimeStatus(context, request),
    runtimeConfig: () => runtimeConfig(context),
    // The pod CIDR reaches the network plugin through its own configuration.
    updateRuntimeConfig: () => ({}),

    runPodSandbox: (request) => runPodSandbox(context, request),
    stopPodSandbox: (request) => done(stopPodSandbox(context, request.pod_sandbox_id)),
    removePodSandbox: (request) => done(removePodSandbox(context, request.pod_sandbox_id)),
    podSandboxStatus: (request) => podSandboxStatus(context, request),
    listPodSandbox: (request) => listPodSandbox(context, request),
    streamPodSandboxes: (request) =>
      inParts(items(listPodSandbox(context, request), 'items'), (pod_sandboxes) => ({ pod_sandboxes })),
    // Informs the runtime of what the kubelet has set on the pod's cgroup; Docker has no part in that.
    updatePodSandboxResources: () => ({}),

    createContainer: (request) => createContainer(context, request),
    startContainer: (request) => done(startContainer(context, request.container_id)),
    stopContainer: (request) => done(stopContainer(context, request.container_id, request.timeout)),
    removeContainer: (request) => done(removeContainer(context, request.container_id)),
    listContainers: (request) => listContainers(context, request),
    streamContainers: (request) =>
      inParts(items(listContainers(context, request), 'containers'), (containers) => ({ containers })),
    containerStatus: (request) => containerStatus(context, request),
    updateContainerResources: (request) => done(updateContainerResources(context, request)),
    reopenContainerLog: (request) => done(reopenContainerLog(context, request.container_id)),

    execSync: (request, { signal }) => execSync(context, request, signal),
    exec: (request) => exec(context, request),
    attach: (request) => attach(context, request),
    portForward: (request) => portForward(context, request),

    containerStats: (request) => stats.container(request),
    listContainerStats: (request) => stats.containers(request),
    streamContainerStats: (request) =>
      inParts(items(stats.containers(request), 'stats'), (container_stats) => ({ container_stats })),
    podSandboxStats: (request) => stats.sandbox(request),
    listPodSandboxStats: (request) => stats.sandboxes(request),
    streamPodSandboxStats: (request) =>
      inParts(items(stats.sandboxes(request), 'stats'), (pod_sandbox_stats) => ({ pod_sandbox_stats })),

    listMetricDescriptors: () => ({ descriptors: descriptors() }),
    listPodSandboxMetrics: () => listPodSandboxMetrics(context),
    streamPodSandboxMetrics: () =>
      inParts(items(listPodSandboxMetrics(context), 'pod_metrics'), (pod_sandbox_metrics) => ({ pod_sandbox_metrics })),

    getContainerEvents: (_request, { signal }) => containerEvents(context, signal),
  };
}

/** Every method of runtime.v1.ImageService. */
export function imageHandlers(context: RuntimeContext): ImageHandlers {
  const lister = new ImageLister(context);
  const fsInfo = new ImageFsInfo(context);
  return {
    listImages: (request) => lister.list(request),
    streamImages: (request) => inParts(items(lister.list(request), 'images'), (images) => ({ images })),
    imageStatus: (request) => imageStatus(context, request),
    pullImage: (request, { signal }) => pullImage(context, request, signal),
    removeImage: (request) => done(removeImage(context, request)),
    imageFsInfo: () => fsInfo.get(),
  };
}

/** Takes up what was there before this start, then serves CRI on `endpoint`. */
export async function serveRuntime(
  context: RuntimeContext,
  endpoint: string,
  onCall?: (method: string, seconds: number, error?: unknown) => void,
): Promise<CriServer> {
  await followDocker(context);
  return serveCri(endpoint, { runtime: runtimeHandlers(context), image: imageHandlers(context), onCall });
}

/** The empty message most calls answer with. */
async function done(work: Promise<void>): Promise<Record<string, never>> {
  await work;
  return {};
}

/** The list in the answer of a List call. */
async function items<R, K extends keyof R>(answer: Promise<R>, field: K): Promise<R[K]> {
  return (await answer)[field];
}
