import type { V1Container } from '@kubelab/api';
import type { Pod } from '../pod/types.js';
import { computeInitActions } from './compute-init-actions.js';
import { containerHash } from './container-hash.js';
import { shouldRestart } from './restart-policy.js';
import { sandboxChanged } from './sandbox-changed.js';
import { latestContainer, type PodRuntimeState } from './types.js';

export type ProbeResult = 'success' | 'failure' | 'unknown';
export type KillReason = 'LivenessProbe' | 'StartupProbe' | undefined;

export interface ContainerToKill {
  id: string;
  name: string;
  container: V1Container;
  message: string;
  reason?: KillReason;
}

/** What has to be done to bring a pod from its state to its spec. */
export interface PodActions {
  /** Stop everything of the pod, the sandbox included. */
  killPod: boolean;
  createSandbox: boolean;
  attempt: number;
  sandboxId: string | undefined;
  initToStart: V1Container[];
  containersToStart: V1Container[];
  ephemeralToStart: V1Container[];
  containersToKill: ContainerToKill[];
}

export interface ActionInput {
  pod: Pod;
  state: PodRuntimeState;
  /** Latest probe results by container id; undefined when there is none. */
  liveness(id: string): ProbeResult | undefined;
  startup(id: string): ProbeResult | undefined;
}

/** Whether any regular container has ever been created: initialization was over then. */
export function anyRegularCreated(pod: Pod, state: PodRuntimeState): boolean {
  return pod.spec.containers.some((container) => latestContainer(state, container.name) !== undefined);
}

/** Decides the next actions of a pod. Pure: same input, same actions. */
export function computeActions(input: ActionInput): PodActions {
  const { pod, state } = input;
  const decision = sandboxChanged(pod, state);
  const actions: PodActions = {
    killPod: decision.create,
    createSandbox: decision.create,
    attempt: decision.attempt,
    sandboxId: decision.id,
    initToStart: [],
    containersToStart: [],
    ephemeralToStart: [],
    containersToKill: [],
  };
  if (decision.create) {
    planNewSandbox(pod, state, actions);
    return actions;
  }
  for (const container of pod.spec.ephemeralContainers ?? []) {
    if (!latestContainer(state, container.name)) actions.ephemeralToStart.push(container);
  }
  const initialized = computeInitActions(input, actions);
  if (actions.killPod || !initialized) return actions;
  planRegular(input, actions);
  return actions;
}

function planNewSandbox(pod: Pod, state: PodRuntimeState, actions: PodActions): void {
  if (pod.spec.restartPolicy === 'Never' && actions.attempt !== 0 && state.containers.length > 0) {
    // The pod has run and must not run again: only what is left of it is stopped.
    actions.createSandbox = false;
    return;
  }
  const toStart = pod.spec.containers.filter((container) => {
    const status = latestContainer(state, container.name);
    const succeeded = status?.state === 'exited' && status.exitCode === 0;
    return !(pod.spec.restartPolicy === 'OnFailure' && succeeded);
  });
  if (toStart.length === 0 && anyRegularCreated(pod, state)) {
    actions.createSandbox = false;
    return;
  }
  const [firstInit] = pod.spec.initContainers ?? [];
  if (firstInit) actions.initToStart = [firstInit];
  else actions.containersToStart = toStart;
}

function planRegular(input: ActionInput, actions: PodActions): void {
  const { pod, state } = input;
  let keep = 0;
  for (const container of pod.spec.containers) {
    const status = latestContainer(state, container.name);
    if (status?.state !== 'running') {
      if (shouldRestart(container, pod, state)) {
        actions.containersToStart.push(container);
        if (status?.state === 'unknown') {
          const message = `Container is in "unknown" state, try killing it before restart`;
          actions.containersToKill.push({ id: status.id, name: container.name, container, message });
        }
      }
      continue;
    }
    let restart = pod.spec.restartPolicy !== 'Never';
    let message: string;
    let reason: KillReason;
    if (status.hash !== containerHash(container)) {
      message = `Container ${container.name} definition changed`;
      restart = true;
    } else if (input.liveness(status.id) === 'failure') {
      message = `Container ${container.name} failed liveness probe`;
      reason = 'LivenessProbe';
    } else if (input.startup(status.id) === 'failure') {
      message = `Container ${container.name} failed startup probe`;
      reason = 'StartupProbe';
    } else {
      keep++;
      continue;
    }
    if (restart) {
      message = `${message}, will be restarted`;
      actions.containersToStart.push(container);
    }
    actions.containersToKill.push({ id: status.id, name: container.name, container, message, reason });
  }
  if (keep === 0 && actions.containersToStart.length === 0) {
    actions.killPod = true;
    // Without regular containers, sidecars end too.
    actions.initToStart = [];
  }
}
