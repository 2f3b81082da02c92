import type { V1Container } from '@kubelab/api';
import type { Logger } from '@kubelab/component-base';
import { type CriClient, isNotFound } from '@kubelab/cri';
import type { Events } from '../events.js';
import { runHook, sleep } from '../lifecycle/hooks.js';
import type { Pod } from '../pod/types.js';
import type { KillReason } from './compute-actions.js';

/** What is left for a clean stop after a preStop hook has taken the grace period. */
const minimumGraceMs = 2_000;

export interface KillContext {
  cri: CriClient;
  events: Events;
  logger: Logger;
}

export interface KillRequest {
  pod: Pod;
  container: V1Container;
  containerId: string;
  podIp: string;
  /** Shown in the Killing event; default "Stopping container NAME". */
  message?: string;
  reason?: KillReason;
  /** Instead of the pod's own, in seconds. */
  graceOverride?: number;
  waitForTurn?(graceMs: number): Promise<void>;
  /** Aborted when a shorter grace period comes in: the caller starts over. */
  signal?: AbortSignal;
}

/** The grace period of a container, in seconds: a probe's own for its failures, the deletion's, then the spec's. */
export function gracePeriod(pod: Pod, container: V1Container, reason: KillReason, override?: number): number {
  if (override !== undefined) return override;
  const probe =
    reason === 'LivenessProbe'
      ? container.livenessProbe
      : reason === 'StartupProbe'
        ? container.startupProbe
        : undefined;
  const deletion = pod.metadata.deletionGracePeriodSeconds;
  return deletion ?? probe?.terminationGracePeriodSeconds ?? pod.spec.terminationGracePeriodSeconds ?? 30;
}

/** Stops a container: its turn, the preStop hook, then SIGTERM and, when the grace period is over, SIGKILL. */
export async function killContainer(context: KillContext, request: KillRequest): Promise<void> {
  const { cri, events } = context;
  const { pod, container } = request;
  let graceMs = gracePeriod(pod, container, request.reason, request.graceOverride) * 1000;
  const message = request.message || `Stopping container ${container.name}`;
  events.container(pod, container, 'Normal', 'Killing', message);
  const begun = Date.now();
  await request.waitForTurn?.(graceMs);
  const left = () => Math.max(graceMs - (Date.now() - begun), 0);
  if (container.lifecycle?.preStop && graceMs > 0) {
    await preStop(context, request, left());
    graceMs = Math.max(left(), minimumGraceMs);
  } else if (request.waitForTurn) {
    graceMs = Math.max(left(), Math.min(graceMs, minimumGraceMs));
  }
  try {
    await cri.stopContainer(
      { container_id: request.containerId, timeout: Math.ceil(graceMs / 1000) },
      { signal: request.signal, timeoutMs: graceMs + 120_000 },
    );
  } catch (error) {
    if (!isNotFound(error)) throw error;
  }
}

async function preStop(context: KillContext, request: KillRequest, graceMs: number): Promise<void> {
  const { pod, container, containerId } = request;
  const handler = container.lifecycle?.preStop;
  if (!handler) return;
  const timeout = new AbortController();
  const stop = () => timeout.abort();
  request.signal?.addEventListener('abort', stop, { once: true });
  const hook = runHook(context.cri, handler, container, containerId, request.podIp, timeout.signal).catch((error) => {
    if (timeout.signal.aborted) return;
    context.events.container(pod, container, 'Warning', 'FailedPreStopHook', `PreStopHook failed`);
    context.logger.info('PreStop hook failed', { pod: pod.metadata.name, container: container.name, error });
  });
  const done = new AbortController();
  await Promise.race([hook, sleep(graceMs, done.signal)]);
  done.abort();
  timeout.abort();
  request.signal?.removeEventListener('abort', stop);
}
