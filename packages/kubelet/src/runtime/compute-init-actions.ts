import { isSidecar } from '../pod/types.js';
import type { ActionInput, PodActions } from './compute-actions.js';
import { anyRegularCreated } from './compute-actions.js';
import { latestContainer } from './types.js';

/**
 * Plans init containers and sidecars; returns whether initialization is over. Goes backwards, because completed init
 * containers may have been removed: the last one that has a status tells where the pod stands. Once it is found, the
 * sidecars before it are only kept running.
 */
export function computeInitActions(input: ActionInput, actions: PodActions): boolean {
  const { pod, state } = input;
  const inits = pod.spec.initContainers ?? [];
  if (inits.length === 0) return true;
  let initialized = anyRegularCreated(pod, state);
  let previously = initialized;
  const restartOnFailure = pod.spec.restartPolicy !== 'Never';
  const toStart: number[] = [];
  const done = (index: number) => {
    if (index === inits.length - 1) initialized = true;
    else if (!previously) toStart.push(index + 1);
  };
  for (let index = inits.length - 1; index >= 0; index--) {
    const container = inits[index];
    if (!container) continue;
    const status = latestContainer(state, container.name);
    const sidecar = isSidecar(container);
    if (!status) {
      if (previously && sidecar) toStart.push(index);
      continue;
    }
    if (previously && !sidecar) continue;
    const kill = (message: string, reason?: 'LivenessProbe' | 'StartupProbe') => {
      actions.containersToKill.push({ id: status.id, name: container.name, container, message, reason });
      toStart.push(index);
    };
    if (status.state === 'created') {
      toStart.push(index);
    } else if (status.state === 'running') {
      if (sidecar) {
        const startup = container.startupProbe ? input.startup(status.id) : 'success';
        if (startup === 'failure') {
          kill(`Init container ${container.name} failed startup probe`, 'StartupProbe');
        } else if (startup === 'success') {
          done(index);
          if (input.liveness(status.id) === 'failure') {
            kill(`Init container ${container.name} failed liveness probe`, 'LivenessProbe');
          }
        }
      }
    } else if (status.state === 'exited' && (sidecar || status.exitCode === 0)) {
      if (sidecar) toStart.push(index);
      else done(index);
    } else {
      if (!sidecar && !restartOnFailure) {
        actions.killPod = true;
        actions.initToStart = [];
        return false;
      }
      if (status.state === 'unknown') {
        kill(`Init container is in "unknown" state, try killing it before restart`);
      } else {
        toStart.push(index);
      }
    }
    previously = true;
  }
  if (!previously) toStart.push(0);
  actions.initToStart = [...new Set(toStart)].sort((a, b) => a - b).flatMap((index) => inits[index] ?? []);
  return initialized;
}
