import { isNotFound } from '@kubelab/apimachinery';
import { gvr } from '@kubelab/client';
import type { DefaultPreemptionArgs } from '../config/types.js';
import { FitError } from '../core/fit-error.js';
import type { CycleState } from '../framework/cycle-state.js';
import { Diagnosis } from '../framework/diagnosis.js';
import type { PreemptionCandidate as Candidate, Handle } from '../framework/handle.js';
import type { NodeInfo } from '../framework/node-info.js';
import type { Plugin, PostFilterResult } from '../framework/plugin.js';
import type { PodInfo } from '../framework/pod-info.js';
import type { Snapshot } from '../framework/snapshot.js';
import { Status, unresolvable, unschedulable } from '../framework/status.js';
import { askExtenders } from '../preemption/ask-extenders.js';
import { pickCandidate } from '../preemption/pick.js';
import { selectVictims } from '../preemption/victims.js';

const notHelpful = unresolvable('Preemption is not helpful for scheduling');

/** Makes room for a pod by deleting pods of lower priority, where that is enough, and nominates the pod to the node. */
export const defaultPreemption = (handle: Handle, args: DefaultPreemptionArgs): Plugin => {
  const pods = handle.client.resource(gvr.pods);
  return {
    name: 'DefaultPreemption',
    events: () => [{ resource: 'AssignedPod', actions: ['Delete'] }],
    async postFilter(state, pod, snapshot, diagnosis): Promise<PostFilterResult> {
      const refusal = notEligible(pod, snapshot, diagnosis);
      if (refusal) return { status: unschedulable(`preemption: ${refusal}`) };
      const { candidates, reasons } = findCandidates(state, pod, snapshot, diagnosis);
      let best: Candidate | undefined;
      try {
        best = pickCandidate(await askExtenders(handle.extenders, pod, snapshot, candidates));
      } catch (error) {
        return { status: Status.error(error) };
      }
      if (!best) {
        const text = new FitError(snapshot.nodes.length, reasons, new Set()).describe();
        return { nominatedNodeName: '', status: unschedulable(`preemption: ${text}`) };
      }
      try {
        await evict(pod, best);
      } catch (error) {
        return { status: Status.error(error) };
      }
      handle.metrics.preempted(best.victims.length);
      return { nominatedNodeName: best.nodeName, status: undefined };
    },
  };

  /** Why the pod may not preempt now; undefined if it may. */
  function notEligible(pod: PodInfo, snapshot: Snapshot, diagnosis: Diagnosis): string | undefined {
    if (pod.pod.spec?.preemptionPolicy === 'Never') return 'not eligible due to preemptionPolicy=Never.';
    const nominated = pod.pod.status?.nominatedNodeName;
    if (!nominated || diagnosis.of(nominated)?.code === 'UnschedulableAndUnresolvable') return undefined;
    // It has preempted there before: it must wait for the victims to be gone.
    for (const other of snapshot.get(nominated)?.pods.values() ?? []) {
      if (other.priority < pod.priority && other.pod.metadata?.deletionTimestamp && isPreempted(other)) {
        return 'not eligible due to a terminating pod on the nominated node.';
      }
    }
    return undefined;
  }

  function findCandidates(
    state: CycleState,
    pod: PodInfo,
    snapshot: Snapshot,
    diagnosis: Diagnosis,
  ): { candidates: Candidate[]; reasons: Diagnosis } {
    const reasons = new Diagnosis();
    const candidates: Candidate[] = [];
    const helpful: NodeInfo[] = [];
    for (const node of snapshot.nodes) {
      if (diagnosis.of(node.name)?.code === 'Unschedulable') helpful.push(node);
      else reasons.set(node.name, notHelpful);
    }
    const wanted = Math.max(
      args.minCandidateNodesAbsolute,
      Math.trunc((helpful.length * args.minCandidateNodesPercentage) / 100),
    );
    const budgets = handle.informers.disruptionBudgets.lister.list();
    const offset = Math.floor(Math.random() * helpful.length);
    let unviolating = 0;
    for (let i = 0; i < helpful.length && (candidates.length < wanted || unviolating === 0); i++) {
      const node = helpful[(offset + i) % helpful.length] as NodeInfo;
      const result = selectVictims(handle.framework(), state, pod, node, handle.nominatedOn(node.name), budgets);
      if (result instanceof Status) reasons.set(node.name, result);
      else {
        candidates.push(result);
        if (result.violations === 0) unviolating++;
      }
    }
    return { candidates, reasons };
  }

  async function evict(pod: PodInfo, best: Candidate): Promise<void> {
    const schedulerName = handle.framework().schedulerName;
    await Promise.all(
      best.victims.map(async (victim) => {
        const { name = '', namespace = '', uid } = victim.pod.metadata ?? {};
        // Decided but not bound yet: it need not be deleted, only held back.
        handle.waitingPods.reject(victim.uid, 'DefaultPreemption', 'preempted');
        if (!victim.pod.metadata?.deletionTimestamp) {
          await handle.statusWriter.disruptionTarget(victim.pod, schedulerName);
          try {
            await pods.namespace(namespace).delete(name, { preconditions: { uid } });
          } catch (error) {
            if (!isNotFound(error)) throw error;
          }
        }
        const ref = { ...victim.pod, apiVersion: 'v1', kind: 'Pod' };
        handle.recorder.event(ref, 'Normal', 'Preempted', `Preempted by pod ${pod.uid} on node ${best.nodeName}`);
      }),
    );
    // Lower ones that were to have the node must look for another.
    for (const other of handle.nominatedOn(best.nodeName)) {
      if (other.priority < pod.priority) handle.clearNomination(other);
    }
  }
};

function isPreempted(pod: PodInfo): boolean {
  return (pod.pod.status?.conditions ?? []).some(
    (c) => c.type === 'DisruptionTarget' && c.status === 'True' && c.reason === 'PreemptionByScheduler',
  );
}
