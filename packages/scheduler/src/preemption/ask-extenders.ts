import type { Extender, PreemptionCandidate } from '../framework/handle.js';
import type { PodInfo } from '../framework/pod-info.js';
import type { Snapshot } from '../framework/snapshot.js';

/**
 * Lets the extenders that take part in preemption strike out candidates or change their victims, one after the other.
 * Throws when one fails that must not be ignored.
 */
export async function askExtenders(
  extenders: readonly Extender[],
  pod: PodInfo,
  snapshot: Snapshot,
  candidates: PreemptionCandidate[],
): Promise<PreemptionCandidate[]> {
  let left = candidates;
  for (const extender of extenders) {
    if (left.length === 0) break;
    if (!extender.supportsPreemption || !extender.interested(pod.pod)) continue;
    try {
      const answer = await extender.preempt(pod.pod, left);
      left = [...answer].map(([nodeName, uids]) => applied(extender, snapshot, left, nodeName, uids));
    } catch (error) {
      if (!extender.ignorable) throw error;
    }
  }
  return left;
}

function applied(
  extender: Extender,
  snapshot: Snapshot,
  candidates: readonly PreemptionCandidate[],
  nodeName: string,
  uids: readonly string[],
): PreemptionCandidate {
  const there = [...(snapshot.get(nodeName)?.pods.values() ?? [])];
  const victims = uids.map((uid) => {
    const victim = there.find((p) => p.uid === uid);
    if (!victim) throw new Error(`extender ${extender.name} claims to preempt pod (UID: ${uid}) on node: ${nodeName}`);
    return victim;
  });
  if (victims.length === 0) throw new Error(`expected at least one victim pod on node ${nodeName}`);
  return { nodeName, victims, violations: candidates.find((c) => c.nodeName === nodeName)?.violations ?? 0 };
}
