import { scaledValue } from '../framework/int-or-percent.js';
import type { DaemonSet, Node, Pod } from '../framework/kinds.js';
import { isPodAvailable, isPodReady } from '../framework/pods.js';
import { revisionHashLabel } from '../history/index.js';
import { shouldRun } from './placement.js';

/** What a pass wants to do. */
export interface DaemonPlan {
  create: string[];
  delete: Pod[];
  /** Failed and succeeded pods among those to delete: told of by an event, and backed off. */
  failed: Pod[];
  succeeded: Pod[];
}

export interface DaemonState {
  ds: DaemonSet;
  nodes: Node[];
  /** The set's pods by node, terminating ones included. */
  podsByNode: Map<string, Pod[]>;
  /** Hash of the current revision. */
  hash: string;
  nowMs: number;
}

export const isUpdated = (pod: Pod, hash: string): boolean => pod.metadata.labels?.[revisionHashLabel] === hash;

const oldestFirst = (a: Pod, b: Pod): number => {
  // A pod that is bound wins over one that is not; then the older.
  const bound = Number(Boolean(b.spec.nodeName)) - Number(Boolean(a.spec.nodeName));
  return bound || Date.parse(a.metadata.creationTimestamp) - Date.parse(b.metadata.creationTimestamp);
};

function limits(ds: DaemonSet, desired: number): { surge: number; unavailable: number } {
  if ((ds.spec.updateStrategy?.type ?? 'RollingUpdate') !== 'RollingUpdate') return { surge: 0, unavailable: 0 };
  const rolling = ds.spec.updateStrategy?.rollingUpdate;
  const surge = scaledValue(rolling?.maxSurge ?? 0, desired, true);
  const unavailable = scaledValue(rolling?.maxUnavailable ?? (rolling?.maxSurge ? 0 : 1), desired, true);
  return surge === 0 && unavailable === 0 ? { surge: 0, unavailable: 1 } : { surge, unavailable };
}

function allowsSurge(ds: DaemonSet): boolean {
  return limits(ds, 100).surge > 0;
}

/** One pod on each node that should have one, none elsewhere. `inBackoff` holds failed pods that must wait. */
export function placementPlan(state: DaemonState, inBackoff: (pod: Pod) => boolean): DaemonPlan {
  const plan: DaemonPlan = { create: [], delete: [], failed: [], succeeded: [] };
  const known = new Set<string>();
  for (const node of state.nodes) {
    const { name } = node.metadata;
    known.add(name);
    const { run, stay } = shouldRun(state.ds, node);
    const pods = state.podsByNode.get(name) ?? [];
    if (pods.length === 0) {
      if (run) plan.create.push(name);
      continue;
    }
    if (stay) tidyNode(state, pods, inBackoff, plan);
    else plan.delete.push(...pods.filter((pod) => !pod.metadata.deletionTimestamp));
  }
  // Pods that wait for a node that is gone would wait for ever; bound ones are the pod collector's.
  for (const [name, pods] of state.podsByNode) {
    if (known.has(name)) continue;
    plan.delete.push(...pods.filter((pod) => !pod.spec.nodeName && !pod.metadata.deletionTimestamp));
  }
  return plan;
}

function tidyNode(state: DaemonState, pods: Pod[], inBackoff: (pod: Pod) => boolean, plan: DaemonPlan): void {
  const running: Pod[] = [];
  for (const pod of pods) {
    if (pod.metadata.deletionTimestamp) continue;
    const phase = pod.status?.phase;
    if (phase === 'Failed') {
      if (inBackoff(pod)) continue;
      plan.failed.push(pod);
      plan.delete.push(pod);
    } else if (phase === 'Succeeded') {
      plan.succeeded.push(pod);
      plan.delete.push(pod);
    } else {
      running.push(pod);
    }
  }
  running.sort(oldestFirst);
  if (!allowsSurge(state.ds)) {
    plan.delete.push(...running.slice(1));
    return;
  }
  const fresh = running.filter((pod) => isUpdated(pod, state.hash));
  const old = running.filter((pod) => !isUpdated(pod, state.hash));
  plan.delete.push(...fresh.slice(1), ...old.slice(1));
  const [newPod, oldPod] = [fresh[0], old[0]];
  if (!newPod || !oldPod) return;
  // The old one stays until the new one can take over, unless it serves nobody anyway.
  const available = isPodAvailable(newPod, state.ds.spec.minReadySeconds ?? 0, state.nowMs);
  if (!isPodReady(oldPod) || available) plan.delete.push(oldPod);
}

/** The next step of a rolling update: old pods to replace (they are created anew by the next pass) or nodes to surge on. */
export function rollingUpdatePlan(state: DaemonState): DaemonPlan {
  const { ds, nodes, podsByNode, hash, nowMs } = state;
  const plan: DaemonPlan = { create: [], delete: [], failed: [], succeeded: [] };
  const wanted = nodes.filter((node) => shouldRun(ds, node).run);
  const { surge, unavailable: maxUnavailable } = limits(ds, wanted.length);
  const minReady = ds.spec.minReadySeconds ?? 0;
  const available = (pod: Pod): boolean => isPodAvailable(pod, minReady, nowMs);
  // A node whose pod is gone is served as little as one whose pod is not ready: its next pod has only just been made.
  let unavailable = wanted.filter((node) => !podsByNode.has(node.metadata.name)).length;
  let surging = 0;
  const replaceNow: Pod[] = [];
  const candidates: Pod[] = [];
  for (const pods of podsByNode.values()) {
    const living = pods.filter((pod) => !pod.metadata.deletionTimestamp);
    const fresh = living.filter((pod) => isUpdated(pod, hash));
    const old = living.filter((pod) => !isUpdated(pod, hash));
    const [newPod, oldPod] = [fresh[0], old[0]];
    if (fresh.length > 1 || old.length > 1) {
      unavailable++;
      surging++;
    } else if (newPod && oldPod) {
      unavailable++;
      if (surge > 0 && available(newPod)) plan.delete.push(oldPod);
      else surging++;
    } else if (newPod) {
      if (!available(newPod)) unavailable++;
    } else if (!oldPod) {
      unavailable++;
    } else if (!available(oldPod)) {
      // Replacing what is down costs nothing.
      unavailable++;
      replaceNow.push(oldPod);
    } else {
      candidates.push(oldPod);
    }
  }
  if (surge === 0) {
    plan.delete.push(...replaceNow, ...candidates.slice(0, Math.max(0, maxUnavailable - unavailable)));
  } else {
    const room = candidates.slice(0, Math.max(0, surge - surging));
    plan.create.push(...[...replaceNow, ...room].flatMap((pod) => (pod.spec.nodeName ? [pod.spec.nodeName] : [])));
  }
  return plan;
}
