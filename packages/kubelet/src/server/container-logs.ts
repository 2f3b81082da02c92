import { LogOptionsError, parseLogOptions } from '../logs/options.js';
import { copyLog } from '../logs/reader.js';
import { findContainer, type Pod } from '../pod/types.js';
import type { RuntimeReader } from '../runtime/reader.js';
import type { PodRuntimeState, RuntimeContainer } from '../runtime/types.js';
import { HttpError, type Route } from './server.js';

export interface LogRoutesOptions {
  reader: RuntimeReader;
  findPod(namespace: string, name: string): Pod | undefined;
  /** What the runtime had of a pod at the last look; renewed by its events. */
  lastState(uid: string): PodRuntimeState | undefined;
  isKnown(uid: string): boolean;
}

/** /containerLogs/NAMESPACE/POD/CONTAINER */
export function logRoute(options: LogRoutesOptions): Route {
  return {
    prefix: '/containerLogs',
    methods: ['GET'],
    handle: async ({ parts, url, signal }, res) => {
      const [namespace = '', name = '', containerName = ''] = parts;
      if (parts.length !== 3) throw new HttpError(404, '404 page not found');
      const pod = options.findPod(namespace, name);
      if (!pod) throw new HttpError(404, `pod "${name}" does not exist\n`);
      if (!findContainer(pod, containerName)) {
        throw new HttpError(404, `container "${containerName}" not found in pod "${name}"`);
      }
      let log: ReturnType<typeof parseLogOptions>;
      try {
        log = parseLogOptions(url.searchParams);
      } catch (error) {
        if (error instanceof LogOptionsError) throw new HttpError(422, error.message);
        throw error;
      }
      const state = await options.reader.podState(pod.metadata.uid, name, namespace);
      const container = choose(pod, state, containerName, log.previous);
      const isRunning = () => {
        if (!options.isKnown(pod.metadata.uid)) return false;
        const now = options.lastState(pod.metadata.uid) ?? state;
        const found = now.containers.find((candidate) => candidate.id === container.id);
        // Not in an older look means it has just been started.
        return found ? found.state === 'running' : now === state || now.containers.length === 0;
      };
      res.writeHead(200, { 'Content-Type': 'text/plain; charset=utf-8' });
      res.flushHeaders();
      await copyLog(container.logPath, log, res, { isRunning, signal });
      res.end();
    },
  };
}

/** The incarnation asked for, or the kubelet's error when there is none with a log. */
function choose(pod: Pod, state: PodRuntimeState, name: string, previous: boolean): RuntimeContainer {
  const started = state.containers.filter((container) => container.name === name && container.startedAt > 0);
  const chosen = previous ? previousOf(state, name, started) : started[0];
  if (chosen) return chosen;
  if (previous) {
    throw new HttpError(400, `previous terminated container "${name}" in pod "${pod.metadata.name}" not found`);
  }
  const status = [
    ...(pod.status?.initContainerStatuses ?? []),
    ...(pod.status?.containerStatuses ?? []),
    ...(pod.status?.ephemeralContainerStatuses ?? []),
  ].find((candidate) => candidate.name === name);
  const reason = status?.state?.waiting?.reason;
  if (reason === 'ErrImagePull' || reason === 'ImagePullBackOff') {
    throw new HttpError(
      400,
      `container "${name}" in pod "${pod.metadata.name}" is waiting to start: trying and failing to pull image`,
    );
  }
  throw new HttpError(
    400,
    `container "${name}" in pod "${pod.metadata.name}" is waiting to start: ${reason ?? 'ContainerCreating'}`,
  );
}

/** The one before the running one; of a container that waits in its back-off, the last that ended. */
function previousOf(state: PodRuntimeState, name: string, started: RuntimeContainer[]): RuntimeContainer | undefined {
  const newest = state.containers.find((container) => container.name === name);
  if (!newest) return undefined;
  if (newest.startedAt === 0) return started[0];
  return started[1];
}
