import type { V1Container, V1ContainerStatus, V1PodCondition, V1PodStatus } from '@kubelab/api';
import { nowSecond } from '@kubelab/apimachinery';
import { qosClass } from '../pod/qos.js';
import { isSidecar, type Pod } from '../pod/types.js';
import type { ProbeResult } from '../runtime/compute-actions.js';
import { latestContainer, type PodRuntimeState } from '../runtime/types.js';
import { podConditions } from './conditions.js';
import { containerStatuses, type StartFailure } from './container-status.js';
import { type PodPhase, podPhase } from './phase.js';

/** Probe results by container id; undefined when that probe has no result yet. */
export interface ProbeResults {
  startup(id: string): ProbeResult | undefined;
  readiness(id: string): ProbeResult | undefined;
}

export interface StatusInput {
  pod: Pod;
  state: PodRuntimeState;
  /** The status last written, or the API server's after a restart of the agent. */
  previous: V1PodStatus;
  failures: ReadonlyMap<string, StartFailure>;
  probes: ProbeResults;
  hostIps: string[];
  runtimeName: string;
  /** All containers will stay stopped: the pod is terminating or its work is done. */
  terminal: boolean;
  /** Containers are being stopped or have been. */
  terminating: boolean;
  /** Phase, reason and message that override: eviction, deadline, admission. */
  override?: { phase?: PodPhase; reason: string; message: string; disruption?: boolean };
  volumeMounts?(container: V1Container): V1ContainerStatus['volumeMounts'];
  extraConditions?: V1PodCondition[];
  now?: Date;
}

/** The complete status of a pod as the API shows it. Pure. */
export function generateStatus(input: StatusInput): V1PodStatus {
  const { pod, state, previous } = input;
  const inits = pod.spec.initContainers ?? [];
  const common = {
    pod,
    state,
    runtimeName: input.runtimeName,
    failures: input.failures,
    hasInit: inits.length > 0,
    terminated: input.terminating,
    volumeMounts: input.volumeMounts,
  };
  const initStatuses = containerStatuses({
    ...common,
    kind: 'init',
    containers: inits,
    previous: previous.initContainerStatuses ?? [],
  });
  const regular = containerStatuses({
    ...common,
    kind: 'regular',
    containers: pod.spec.containers,
    previous: previous.containerStatuses ?? [],
  });
  const ephemeral = containerStatuses({
    ...common,
    kind: 'ephemeral',
    containers: pod.spec.ephemeralContainers ?? [],
    previous: previous.ephemeralContainerStatuses ?? [],
  });
  for (const status of initStatuses) setReadiness(input, status, inits, true);
  for (const status of regular) setReadiness(input, status, pod.spec.containers, false);
  const statuses = [...initStatuses, ...regular];
  const phase = finalPhase(input, statuses);
  const sandbox = state.sandboxes[0];
  const ips = input.pod.spec.hostNetwork ? input.hostIps : (sandbox?.ips ?? []);
  const podIps = ips.length > 0 ? ips : ended(phase) ? (previous.podIPs ?? []).flatMap((entry) => entry.ip ?? []) : [];
  const status: V1PodStatus = {
    phase,
    conditions: podConditions({
      pod,
      phase,
      statuses,
      sandboxReady: sandbox?.ready === true && (pod.spec.hostNetwork === true || sandbox.ips.length > 0),
      previous: previous.conditions ?? [],
      extra: input.extraConditions,
      ...(input.override?.disruption ? { disruption: input.override.message } : {}),
      now: input.now,
    }),
    qosClass: previous.qosClass ?? qosClass(pod),
    startTime: previous.startTime ?? nowSecond(input.now),
    containerStatuses: regular,
  };
  const [hostIp] = input.hostIps;
  if (hostIp) {
    status.hostIP = hostIp;
    status.hostIPs = input.hostIps.map((ip) => ({ ip }));
  }
  if (podIps[0]) {
    status.podIP = podIps[0];
    status.podIPs = podIps.map((ip) => ({ ip }));
  }
  if (initStatuses.length > 0) status.initContainerStatuses = initStatuses;
  if (ephemeral.length > 0) status.ephemeralContainerStatuses = ephemeral;
  const reason = input.override?.reason ?? (ended(phase) ? previous.reason : undefined);
  const message = input.override?.message ?? (ended(phase) ? previous.message : undefined);
  if (reason) status.reason = reason;
  if (message) status.message = message;
  return status;
}

/** The status of a pod the node did not take: it has no containers, and never had. */
export function rejectedStatus(
  previous: V1PodStatus,
  { reason, message }: { reason: string; message: string },
): V1PodStatus {
  const scheduled = (previous.conditions ?? []).filter((condition) => condition.type === 'PodScheduled');
  const { qosClass: qos, startTime = nowSecond() } = previous;
  return { phase: 'Failed', reason, message, conditions: scheduled, startTime, ...(qos ? { qosClass: qos } : {}) };
}

const ended = (phase: string | undefined) => phase === 'Succeeded' || phase === 'Failed';

/** A pod that is over stays over: its phase never goes back. */
function finalPhase(input: StatusInput, statuses: V1ContainerStatus[]): PodPhase {
  if (ended(input.previous.phase)) return input.previous.phase as PodPhase;
  if (input.override?.phase) return input.override.phase;
  const phase = podPhase(input.pod, statuses, input.terminal);
  // While containers are still being stopped the pod has not ended yet.
  const running = statuses.some((status) => status.state?.running);
  if (ended(phase) && running) return input.previous.phase === 'Pending' ? 'Pending' : 'Running';
  return phase;
}

/** `started`: running and past its startup probe. `ready`: started and past its readiness probe, or a finished init. */
function setReadiness(input: StatusInput, status: V1ContainerStatus, specs: V1Container[], init: boolean): void {
  const spec = specs.find((container) => container.name === status.name);
  const runtime = latestContainer(input.state, status.name);
  if (!spec) return;
  const running = status.state?.running !== undefined && runtime?.state === 'running';
  if (init && !isSidecar(spec)) {
    status.ready = status.state?.terminated?.exitCode === 0;
    status.started = running;
    return;
  }
  status.started = running && (!spec.startupProbe || input.probes.startup(runtime.id) === 'success');
  status.ready =
    status.started && (!spec.readinessProbe || (runtime ? input.probes.readiness(runtime.id) === 'success' : false));
}
