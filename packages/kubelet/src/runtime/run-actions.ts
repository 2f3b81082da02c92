import { readFile, writeFile } from 'node:fs/promises';
import type { V1Container, V1EphemeralContainer } from '@kubelab/api';
import type { PodSandboxConfig } from '@kubelab/cri';
import { podHostname } from '../env/hostname.js';
import { hostNetworkHosts, podHosts } from '../env/hosts-file.js';
import { formatPod, isSidecar, type Pod } from '../pod/types.js';
import type { StartFailure } from '../status/container-status.js';
import type { MountedVolume } from '../volumes/types.js';
import type { Backoff } from './backoff.js';
import type { PodActions } from './compute-actions.js';
import { containerHash } from './container-hash.js';
import { toSandbox } from './convert.js';
import { killContainer } from './kill-container.js';
import type { RunnerContext } from './runner-context.js';
import { sandboxConfig } from './sandbox-config.js';
import { startContainer } from './start-container.js';
import { StartError } from './start-error.js';
import { type StartHolds, sandboxHold } from './start-holds.js';
import { latestContainer, type PodRuntimeState } from './types.js';

export interface RunRequest {
  pod: Pod;
  state: PodRuntimeState;
  actions: PodActions;
  volumes: Map<string, MountedVolume>;
  backoff: Backoff;
  /** Reasons that containers wait, kept by the worker: set on failure, removed on success. */
  failures: Map<string, StartFailure>;
  /** Kept by the worker: when what the runtime refused may be tried again. */
  holds: StartHolds;
  signal: AbortSignal;
}

export interface RunOutcome {
  /** Milliseconds until the next attempt at something that failed or waits. */
  retryAfterMs: number | undefined;
  /** What failed in this attempt, for the log. */
  failed: string[];
  /** State on the runtime has been changed. */
  changed: boolean;
}

/** Starts what the actions say, in the kubelet's order: ephemeral, init, then all regular containers. */
export async function runActions(context: RunnerContext, request: RunRequest): Promise<RunOutcome> {
  const { pod, actions, state } = request;
  const outcome: RunOutcome = { retryAfterMs: undefined, failed: [], changed: false };
  await killMarked(context, request, outcome);
  let sandboxId = actions.sandboxId;
  let podIps = state.sandboxes[0]?.ips ?? [];
  const sandbox = sandboxConfig(pod, actions.attempt, context.sandbox);
  if (actions.createSandbox) {
    const heldMs = request.holds.remaining(sandboxHold);
    if (heldMs > 0) return { ...outcome, retryAfterMs: heldMs };
    const created = await createSandbox(context, request, sandbox);
    sandboxId = created.id;
    podIps = created.ips;
    outcome.changed = true;
  }
  if (!sandboxId) return outcome;
  if (pod.spec.hostNetwork) podIps = context.hostIps();
  const toStart = [...actions.ephemeralToStart, ...actions.initToStart, ...actions.containersToStart];
  if (toStart.length === 0) return outcome;
  // Before its first container: a policy that is known must hold from a pod's first packet on.
  if (!pod.spec.hostNetwork && !state.containers.some((c) => c.sandboxId === sandboxId))
    await context.isolate?.(pod, podIps);
  const hostsFile = await writeHosts(context, pod, podIps);
  const start = (container: V1Container) =>
    startOne(context, request, outcome, container, { sandboxId, sandbox, podIps, hostsFile });
  for (const container of actions.ephemeralToStart) await start(container);
  for (const container of actions.initToStart) {
    const ok = await start(container);
    // The ones after it wait for it, except for sidecars that were running already.
    if (!ok && !isSidecar(container)) return outcome;
  }
  // Regular containers start in order, but one that fails does not keep the others back.
  for (const container of actions.containersToStart) await start(container);
  return outcome;
}

async function killMarked(context: RunnerContext, request: RunRequest, outcome: RunOutcome): Promise<void> {
  const { pod, state, actions } = request;
  const podIp = state.sandboxes[0]?.ips[0] ?? '';
  await Promise.all(
    actions.containersToKill.map(async ({ id, container, message, reason }) => {
      await killContainer(context, { pod, container, containerId: id, podIp, message, reason, signal: request.signal });
      outcome.changed = true;
    }),
  );
}

async function createSandbox(context: RunnerContext, request: RunRequest, config: PodSandboxConfig) {
  const { pod, signal } = request;
  const { cri, events } = context;
  try {
    const handler = await context.runtimeHandler(pod.spec.runtimeClassName);
    const { pod_sandbox_id: id } = await cri.runPodSandbox({ config, runtime_handler: handler }, { signal });
    const { status } = await cri.podSandboxStatus({ pod_sandbox_id: id });
    request.holds.clear(sandboxHold);
    return { id, ips: status ? toSandbox(status).ips : [] };
  } catch (error) {
    if (signal.aborted) throw error;
    request.holds.fail(sandboxHold);
    const message = `Failed to create pod sandbox: ${(error as Error).message}`;
    events.pod(pod, 'Warning', 'FailedCreatePodSandBox', message);
    throw new Error(message, { cause: error });
  }
}

/** Writes the pod's /etc/hosts; a host-network pod gets the node's with its aliases. */
async function writeHosts(context: RunnerContext, pod: Pod, podIps: string[]): Promise<string | undefined> {
  const path = context.paths.etcHosts(pod.metadata.uid);
  const aliases = pod.spec.hostAliases ?? [];
  const text = pod.spec.hostNetwork
    ? hostNetworkHosts(await readFile('/etc/hosts', 'utf8'), aliases)
    : podHosts(podIps, podHostname(pod, context.sandbox.dns.clusterDomain), aliases);
  // In place and not by a rename: running containers have this very file bound.
  await writeFile(path, text, { mode: 0o644 });
  return path;
}

/** Failures of the runtime's own: the attempt changed it. Others were noticed before, and may be over when woken. */
const refusals: ReadonlySet<string> = new Set(['CreateContainerError', 'RunContainerError']);

interface Place {
  sandboxId: string;
  sandbox: PodSandboxConfig;
  podIps: string[];
  hostsFile: string | undefined;
}

async function startOne(
  context: RunnerContext,
  request: RunRequest,
  outcome: RunOutcome,
  container: V1Container,
  place: Place,
): Promise<boolean> {
  const { pod, state, failures, holds, signal } = request;
  signal.throwIfAborted();
  const retryAfter = (ms: number) => {
    outcome.retryAfterMs = Math.min(outcome.retryAfterMs ?? Number.POSITIVE_INFINITY, ms);
  };
  const held = refusals.has(failures.get(container.name)?.reason ?? '') ? holds.remaining(container.name) : 0;
  const waitMs = held || crashBackoff(context, request, container);
  if (waitMs > 0) {
    retryAfter(waitMs);
    return false;
  }
  try {
    const target = (container as V1EphemeralContainer).targetContainerName;
    const targetContainerId = target ? latestContainer(state, target)?.id : undefined;
    if (target && !targetContainerId) {
      throw new StartError('CreateContainerError', `unable to find target container ${target}`);
    }
    await startContainer(context, {
      pod,
      container,
      state,
      sandboxId: place.sandboxId,
      sandbox: place.sandbox,
      podIps: place.podIps,
      volumes: request.volumes,
      hostsFile: place.hostsFile,
      targetContainerId,
      signal,
    });
    failures.delete(container.name);
    holds.clear(container.name);
    outcome.changed = true;
    return true;
  } catch (error) {
    if (!(error instanceof StartError) || signal.aborted) throw error;
    failures.set(container.name, { reason: error.reason, message: error.message });
    outcome.changed = true;
    if (
      error.reason === 'ErrImagePull' ||
      error.reason === 'ImagePullBackOff' ||
      error.reason === 'ErrImageNeverPull'
    ) {
      context.events.container(pod, container, 'Warning', 'Failed', `Error: ${error.reason}`);
    }
    if (error.retryAfterMs === undefined) outcome.failed.push(`${container.name}: ${error.message}`);
    retryAfter(error.retryAfterMs ?? holds.fail(container.name));
    return false;
  }
}

/** Milliseconds a crashed container still has to wait; takes the next step of its back-off when it may start. */
function crashBackoff(context: RunnerContext, request: RunRequest, container: V1Container): number {
  const { pod, state, backoff, failures } = request;
  const last = state.containers.find((entry) => entry.name === container.name && entry.state === 'exited');
  if (!last) return 0;
  const key = `${pod.metadata.uid}/${container.name}/${containerHash(container)}`;
  const waitMs = backoff.remaining(key, last.finishedAt);
  if (waitMs === 0) {
    backoff.next(key, last.finishedAt);
    return 0;
  }
  const text = `restarting failed container=${container.name} pod=${formatPod(pod)}`;
  const delay = formatDelay(backoff.get(key));
  if (failures.get(container.name)?.reason !== 'CrashLoopBackOff') {
    const event = `Back-off restarting failed container ${container.name} in pod ${formatPod(pod)}`;
    context.events.container(pod, container, 'Warning', 'BackOff', event);
  }
  failures.set(container.name, { reason: 'CrashLoopBackOff', message: `back-off ${delay} ${text}` });
  return waitMs;
}

/** Go's duration text of whole seconds: 10s, 1m20s, 5m0s. */
export function formatDelay(ms: number): string {
  const seconds = Math.round(ms / 1000);
  return seconds < 60 ? `${seconds}s` : `${Math.floor(seconds / 60)}m${seconds % 60}s`;
}
