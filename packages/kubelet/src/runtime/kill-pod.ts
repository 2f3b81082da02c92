import type { V1Container } from '@kubelab/api';
import { isNotFound } from '@kubelab/cri';
import { findContainer, type Pod } from '../pod/types.js';
import { type KillContext, killContainer } from './kill-container.js';
import { containerPortsAnnotation, preStopAnnotation } from './labels.js';
import { TerminationOrder } from './termination-order.js';
import type { PodRuntimeState, RuntimeContainer } from './types.js';

/** Stops all containers of a pod, sidecars last, then its sandboxes. Idempotent. */
export async function killPod(
  context: KillContext,
  pod: Pod,
  state: PodRuntimeState,
  options: { graceOverride?: number; signal?: AbortSignal } = {},
): Promise<void> {
  const running = state.containers.filter(
    (container) => container.state === 'running' || container.state === 'unknown',
  );
  const order = new TerminationOrder(
    pod,
    running.map((container) => container.name),
  );
  const podIp = state.sandboxes[0]?.ips[0] ?? '';
  const results = await Promise.allSettled(
    running.map(async (container) => {
      try {
        await killContainer(context, {
          pod,
          container: specOf(pod, container),
          containerId: container.id,
          podIp,
          graceOverride: options.graceOverride,
          waitForTurn: (graceMs) => order.waitForTurn(container.name, graceMs),
          signal: options.signal,
        });
      } finally {
        order.stopped(container.name);
      }
    }),
  );
  for (const result of results) if (result.status === 'rejected') throw result.reason;
  for (const sandbox of state.sandboxes) {
    try {
      await context.cri.stopPodSandbox({ pod_sandbox_id: sandbox.id });
    } catch (error) {
      if (!isNotFound(error)) throw error;
    }
  }
}

/** The container's spec, or what its annotations tell when the pod does not have it any more. */
function specOf(pod: Pod, container: RuntimeContainer): V1Container {
  const found = findContainer(pod, container.name);
  if (found) return found.container;
  const read = <T>(name: string): T | undefined => {
    const text = container.annotations[name];
    return text === undefined ? undefined : (JSON.parse(text) as T);
  };
  const preStop = read<NonNullable<V1Container['lifecycle']>['preStop']>(preStopAnnotation);
  return {
    name: container.name,
    image: container.image,
    ports: read(containerPortsAnnotation),
    ...(preStop ? { lifecycle: { preStop } } : {}),
  };
}
