import type { V1ContainerStatus, V1PodCondition } from '@kubelab/api';
import { nowSecond } from '@kubelab/apimachinery';
import { isSidecar, type Pod } from '../pod/types.js';

/** The condition types this agent owns; others on the pod belong to controllers and are kept. */
export const kubeletConditions = [
  'PodReadyToStartContainers',
  'Initialized',
  'Ready',
  'ContainersReady',
  'PodScheduled',
] as const;

/** Conditions of this agent that come and go. */
export const passingConditions: readonly string[] = ['PodResizePending', 'PodResizeInProgress'];

/** That this agent ends the pod (KEP-3329). The same type is used by others who do. */
export const disruptionTarget = 'DisruptionTarget';
const terminationByKubelet = 'TerminationByKubelet';

/** Whether a condition of a pod is this agent's to write: readiness gates and others' are never. */
export function isOwnCondition({ type, reason }: { type: string; reason?: string }): boolean {
  if (type === disruptionTarget) return reason === terminationByKubelet;
  return passingConditions.includes(type) || kubeletConditions.some((own) => own === type);
}

type Draft = Pick<V1PodCondition, 'type' | 'status' | 'reason' | 'message'>;

const completed = (type: string, status: string): Draft => ({ type, status, reason: 'PodCompleted' });

function initialized(pod: Pod, statuses: Map<string, V1ContainerStatus>, phase: string): Draft {
  const type = 'Initialized';
  const unready: string[] = [];
  let unknown: string[] = [];
  for (const container of pod.spec.initContainers ?? []) {
    const status = statuses.get(container.name);
    if (!status) unknown = [...unknown, container.name];
    else if (isSidecar(container) ? !status.started : !status.ready) unready.push(container.name);
  }
  if (phase === 'Succeeded' && unknown.length === 0) return completed(type, 'True');
  const started = pod.spec.containers.some((container) => {
    const status = statuses.get(container.name);
    return status?.state?.running || status?.state?.terminated || status?.lastState?.terminated;
  });
  // Once regular containers have run, the pod stays initialized whatever its sidecars do.
  if (started && unknown.length === 0) return { type, status: 'True' };
  return unreadyDraft(type, 'ContainersNotInitialized', unready, unknown, 'incomplete') ?? { type, status: 'True' };
}

function unreadyDraft(
  type: string,
  reason: string,
  unready: string[],
  unknown: string[],
  word: string,
): Draft | undefined {
  const messages = [];
  if (unknown.length > 0) messages.push(`containers with unknown status: [${unknown.join(' ')}]`);
  if (unready.length > 0) messages.push(`containers with ${word} status: [${unready.join(' ')}]`);
  return messages.length > 0 ? { type, status: 'False', reason, message: messages.join(', ') } : undefined;
}

function containersReady(pod: Pod, statuses: Map<string, V1ContainerStatus>, phase: string): Draft {
  const type = 'ContainersReady';
  const unready: string[] = [];
  const unknown: string[] = [];
  const sidecars = (pod.spec.initContainers ?? []).filter(isSidecar);
  for (const container of [...sidecars, ...pod.spec.containers]) {
    const status = statuses.get(container.name);
    if (!status) unknown.push(container.name);
    else if (!status.ready) unready.push(container.name);
  }
  if (phase === 'Succeeded' && unknown.length === 0) return completed(type, 'False');
  if (phase === 'Failed' && unknown.length === 0) return { type, status: 'False', reason: 'PodFailed' };
  return unreadyDraft(type, 'ContainersNotReady', unready, unknown, 'unready') ?? { type, status: 'True' };
}

/** Ready: all containers are, and all readiness gates are True (KEP-580). */
export function readyCondition(pod: Pod, containers: Draft, conditions: V1PodCondition[]): Draft {
  if (containers.status !== 'True') return { ...containers, type: 'Ready' };
  const messages: string[] = [];
  for (const gate of pod.spec.readinessGates ?? []) {
    const found = conditions.find((condition) => condition.type === gate.conditionType);
    if (!found) messages.push(`corresponding condition of pod readiness gate "${gate.conditionType}" does not exist.`);
    else if (found.status !== 'True') {
      messages.push(`the status of pod readiness gate "${gate.conditionType}" is not "True", but ${found.status}`);
    }
  }
  if (messages.length === 0) return { type: 'Ready', status: 'True' };
  return { type: 'Ready', status: 'False', reason: 'ReadinessGatesNotReady', message: messages.join(', ') };
}

export interface ConditionInput {
  pod: Pod;
  phase: string;
  statuses: V1ContainerStatus[];
  sandboxReady: boolean;
  /** All conditions of the pod as last seen: transition times and foreign conditions come from there. */
  previous: V1PodCondition[];
  /** Conditions of this agent that are there only sometimes: PodResizePending, PodResizeInProgress. */
  extra?: V1PodCondition[];
  /** Why this agent ends the pod before its time: shown as DisruptionTarget. */
  disruption?: string;
  now?: Date;
}

/** The pod's conditions: this agent's computed anew, others kept; transition times change with the status only. */
export function podConditions(input: ConditionInput): V1PodCondition[] {
  const { pod, phase, previous } = input;
  const byName = new Map(input.statuses.map((status) => [status.name, status]));
  const allReady = containersReady(pod, byName, phase);
  const drafts: Draft[] = [
    { type: 'PodReadyToStartContainers', status: input.sandboxReady ? 'True' : 'False' },
    initialized(pod, byName, phase),
    readyCondition(pod, allReady, previous),
    allReady,
    { type: 'PodScheduled', status: 'True' },
  ];
  if (input.disruption !== undefined) {
    const message = input.disruption;
    drafts.push({ type: disruptionTarget, status: 'True', reason: terminationByKubelet, message });
  }
  const now = nowSecond(input.now);
  const own = drafts.map((draft) => {
    const before = previous.find((condition) => condition.type === draft.type);
    const lastTransitionTime = before?.status === draft.status ? (before.lastTransitionTime ?? now) : now;
    return { ...draft, lastTransitionTime };
  });
  const ownTypes = new Set<string>([...drafts.map((draft) => draft.type), ...passingConditions]);
  return [...own, ...(input.extra ?? []), ...previous.filter((condition) => !ownTypes.has(condition.type))];
}
