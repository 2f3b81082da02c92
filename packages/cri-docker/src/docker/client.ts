import { setTimeout as delay } from 'node:timers/promises';
import Docker from 'dockerode';

/**
 * Two ways to the same daemon. `quick` is for calls Docker answers from its own state or with a few system calls: they
 * have a deadline. `open` is for those that take as long as the network or a workload does: pulls, stops, streams.
 */
export interface DockerClients {
  quick: Docker;
  open: Docker;
}

/** Docker's own deadline for starting a container is of this order. */
const quickTimeoutMs = 120_000;

/** @param endpoint unix:///path, or tcp://host:port */
export function connectDocker(endpoint: string): DockerClients {
  const address = addressOf(endpoint);
  return { quick: new Docker({ ...address, timeout: quickTimeoutMs }), open: new Docker(address) };
}

function addressOf(endpoint: string): Docker.DockerOptions {
  if (endpoint.startsWith('unix:') || endpoint.startsWith('/')) {
    return { socketPath: endpoint.replace(/^unix:(\/\/)?/, '') };
  }
  const url = new URL(endpoint);
  return { protocol: 'http', host: url.hostname, port: url.port || '2375' };
}

/** Waits until the daemon answers; for the start of the process, when both may be coming up. */
export async function waitForDocker(
  docker: Docker,
  signal: AbortSignal,
  onWaiting: (e: unknown) => void,
): Promise<void> {
  for (let attempt = 0; ; attempt++) {
    try {
      await docker.ping();
      return;
    } catch (error) {
      if (attempt === 0) onWaiting(error);
      await delay(250, undefined, { signal });
    }
  }
}
