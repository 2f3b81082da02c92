import type { V1Container, V1ContainerStatus } from '@kubelab/api';
import { isSidecar, type Pod } from '../pod/types.js';

export type PodPhase = 'Pending' | 'Running' | 'Succeeded' | 'Failed';

interface Counts {
  unknown: number;
  running: number;
  waiting: number;
  stopped: number;
  succeeded: number;
}

/**
 * The phase of a pod from its container statuses (the kubelet's getPhase).
 * @param podIsTerminal the pod will not run any container any more
 */
export function podPhase(pod: Pod, statuses: V1ContainerStatus[], podIsTerminal: boolean): PodPhase {
  const byName = new Map(statuses.map((status) => [status.name, status]));
  const inits = pod.spec.initContainers ?? [];
  let pendingInit = 0;
  let failedInit = 0;
  const counts: Counts = { unknown: 0, running: 0, waiting: 0, stopped: 0, succeeded: 0 };
  for (const container of inits) {
    const status = byName.get(container.name);
    if (!isSidecar(container)) {
      const outcome = initOutcome(status);
      if (outcome === 'pending') pendingInit++;
      else if (outcome === 'failed') failedInit++;
    } else if (!status?.started && !status?.state?.terminated) {
      pendingInit++;
    }
  }
  for (const container of pod.spec.containers) count(counts, container, byName.get(container.name));
  if (failedInit > 0 && pod.spec.restartPolicy === 'Never') return 'Failed';
  if (pendingInit > 0 && !anyRegularStarted(pod, byName)) return podIsTerminal ? 'Failed' : 'Pending';
  if (counts.waiting > 0) return podIsTerminal ? 'Failed' : 'Pending';
  if (counts.running > 0 && counts.unknown === 0) return 'Running';
  if (counts.running === 0 && counts.stopped > 0 && counts.unknown === 0) {
    if (podIsTerminal) {
      // Sidecars that end after the others do not change the outcome.
      return counts.stopped === counts.succeeded ? 'Succeeded' : 'Failed';
    }
    if (pod.spec.restartPolicy === 'Always') return 'Running';
    if (counts.stopped === counts.succeeded) return 'Succeeded';
    return pod.spec.restartPolicy === 'Never' ? 'Failed' : 'Running';
  }
  return podIsTerminal ? 'Failed' : 'Pending';
}

function initOutcome(status: V1ContainerStatus | undefined): 'done' | 'pending' | 'failed' {
  if (!status) return 'pending';
  const { state, lastState } = status;
  if (state?.running) return 'pending';
  if (state?.terminated) return state.terminated.exitCode === 0 ? 'done' : 'failed';
  if (state?.waiting && lastState?.terminated) return lastState.terminated.exitCode === 0 ? 'done' : 'failed';
  return 'pending';
}

function anyRegularStarted(pod: Pod, byName: Map<string, V1ContainerStatus>): boolean {
  return pod.spec.containers.some((container) => {
    const status = byName.get(container.name);
    return Boolean(status?.state?.running || status?.state?.terminated || status?.lastState?.terminated);
  });
}

function count(counts: Counts, _container: V1Container, status: V1ContainerStatus | undefined): void {
  if (!status) {
    counts.unknown++;
  } else if (status.state?.running) {
    counts.running++;
  } else if (status.state?.terminated) {
    counts.stopped++;
    if (status.state.terminated.exitCode === 0) counts.succeeded++;
  } else if (status.state?.waiting) {
    if (status.lastState?.terminated) counts.stopped++;
    else counts.waiting++;
  } else {
    counts.unknown++;
  }
}
