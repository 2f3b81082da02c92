import { parseTime } from '@kubelab/apimachinery';
import type { V1ContainerStatus, V1Pod } from '../generated/types.js';
import type { Column } from '../resource.js';
import { AGE, column, NAME, since, wide } from './common.js';

/** What the READY, STATUS and RESTARTS columns say of a pod. */
export interface PodSummary {
  ready: string;
  status: string;
  restarts: string;
}

interface Counting {
  restarts: number;
  last: number;
  ready: number;
}

function note(count: Counting, status: V1ContainerStatus): void {
  count.restarts += status.restartCount ?? 0;
  const finished = parseTime(status.lastState?.terminated?.finishedAt);
  if (finished !== undefined && finished > count.last) count.last = finished;
}

const conditionTrue = (pod: V1Pod, type: string): boolean =>
  (pod.status?.conditions ?? []).some((c) => c.type === type && c.status === 'True');

const endedReason = (s: V1ContainerStatus): string => {
  const t = s.state?.terminated;
  if (t?.reason) return t.reason;
  return t?.signal ? `Signal:${t.signal}` : `ExitCode:${t?.exitCode ?? 0}`;
};

/** Goes through the init containers; returns the status text while they hold the pod back. */
function initStatus(pod: V1Pod, all: Counting, sidecars: Counting): string | undefined {
  const statuses = pod.status?.initContainerStatuses ?? [];
  const specs = new Map((pod.spec?.initContainers ?? []).map((c) => [c.name, c]));
  for (const [i, s] of statuses.entries()) {
    note(all, s);
    const restartable = specs.get(s.name)?.restartPolicy === 'Always';
    if (restartable) note(sidecars, s);
    const { terminated, waiting } = s.state ?? {};
    if (terminated && terminated.exitCode === 0) continue;
    if (restartable && s.started) {
      if (s.ready) all.ready++;
      continue;
    }
    if (terminated) return `Init:${endedReason(s)}`;
    if (waiting?.reason && waiting.reason !== 'PodInitializing') return `Init:${waiting.reason}`;
    return `Init:${i}/${specs.size}`;
  }
  return undefined;
}

/** Goes through the containers, last first; returns the status text they give. */
function containerStatus(pod: V1Pod, reason: string, count: Counting): string {
  let text = reason;
  let running = false;
  for (const s of [...(pod.status?.containerStatuses ?? [])].reverse()) {
    note(count, s);
    const { waiting, terminated } = s.state ?? {};
    if (waiting?.reason) text = waiting.reason;
    else if (terminated) text = endedReason(s);
    else if (s.ready && s.state?.running) {
      running = true;
      count.ready++;
    }
  }
  if (text === 'Completed' && running) return conditionTrue(pod, 'Ready') ? 'Running' : 'NotReady';
  return text;
}

/** Summarises a pod as `kubectl get pods` does. */
export function summarizePod(pod: V1Pod, now: number = Date.now()): PodSummary {
  const all: Counting = { restarts: 0, last: 0, ready: 0 };
  const sidecars: Counting = { restarts: 0, last: 0, ready: 0 };
  let status = pod.status?.reason || pod.status?.phase || '';
  for (const c of pod.status?.conditions ?? []) {
    if (c.type === 'PodScheduled' && c.reason === 'SchedulingGated') status = 'SchedulingGated';
  }
  const initializing = initStatus(pod, all, sidecars);
  let count = all;
  if (initializing !== undefined) status = initializing;
  if (initializing === undefined || conditionTrue(pod, 'Initialized')) {
    count = { ...sidecars, ready: all.ready };
    status = containerStatus(pod, status, count);
  }
  const phase = pod.status?.phase;
  if (pod.metadata?.deletionTimestamp) {
    if (pod.status?.reason === 'NodeLost') status = 'Unknown';
    else if (phase !== 'Failed' && phase !== 'Succeeded') status = 'Terminating';
  }
  const total =
    (pod.spec?.containers ?? []).length +
    (pod.spec?.initContainers ?? []).filter((c) => c.restartPolicy === 'Always').length;
  const ago = count.last > 0 && count.restarts > 0 ? ` (${since(new Date(count.last).toISOString(), now)} ago)` : '';
  return { ready: `${count.ready}/${total}`, status, restarts: `${count.restarts}${ago}` };
}

// Three columns of a row share one summary.
let lastPod: V1Pod | undefined;
let lastSummary: PodSummary | undefined;
function summary(pod: V1Pod): PodSummary {
  if (pod !== lastPod || !lastSummary) {
    lastPod = pod;
    lastSummary = summarizePod(pod);
  }
  return lastSummary;
}

function readinessGates(pod: V1Pod): string {
  const gates = pod.spec?.readinessGates ?? [];
  if (gates.length === 0) return '<none>';
  return `${gates.filter((g) => conditionTrue(pod, g.conditionType)).length}/${gates.length}`;
}

/** Columns of pods. */
export const podColumns: Column[] = [
  NAME,
  column<V1Pod>('Ready', 'The aggregate readiness state of this pod for accepting traffic.', (p) => summary(p).ready),
  column<V1Pod>('Status', 'The aggregate status of the containers in this pod.', (p) => summary(p).status),
  column<V1Pod>(
    'Restarts',
    'The number of times the containers in this pod have been restarted and when the last container in this pod has restarted.',
    (p) => summary(p).restarts,
  ),
  AGE,
  wide<V1Pod>('IP', 'Address of the pod.', (p) => p.status?.podIPs?.[0]?.ip || p.status?.podIP || '<none>'),
  wide<V1Pod>('Node', 'Node that the pod runs on.', (p) => p.spec?.nodeName || '<none>'),
  wide<V1Pod>('Nominated Node', 'Node that the pod waits for.', (p) => p.status?.nominatedNodeName || '<none>'),
  wide<V1Pod>('Readiness Gates', 'Readiness gates that are true, of all.', readinessGates),
];
