import type { V1Container } from '@kubelab/api';
import { isSidecar, type Pod } from '../pod/types.js';
import { latestContainer, type PodRuntimeState } from './types.js';

/** Whether a container that is not running is to be started (again), by the pod's restart policy. */
export function shouldRestart(container: V1Container, pod: Pod, state: PodRuntimeState): boolean {
  if (pod.metadata.deletionTimestamp) return false;
  const status = latestContainer(state, container.name);
  if (!status) return true;
  if (status.state === 'running') return false;
  if (status.state === 'unknown' || status.state === 'created') return true;
  if (isSidecar(container)) return true;
  if (pod.spec.restartPolicy === 'Never') return false;
  return pod.spec.restartPolicy !== 'OnFailure' || status.exitCode !== 0;
}
