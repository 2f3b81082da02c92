import type { PreemptionCandidate as Candidate } from '../framework/handle.js';
import { startTime } from './victims.js';

/** Kubernetes' offset for sums of priorities, so that more negative priorities are not better than few. */
const priorityOffset = 2 ** 31;

/** What makes a candidate better, in order; lower is better. */
const criteria: ((c: Candidate) => number)[] = [
  (c) => c.violations,
  (c) => c.victims[0]?.priority ?? Number.NEGATIVE_INFINITY,
  (c) => c.victims.reduce((sum, v) => sum + v.priority + priorityOffset, 0),
  (c) => c.victims.length,
  // The most important victims that started latest have least to lose.
  (c) => {
    const highest = c.victims[0]?.priority;
    const starts = c.victims.filter((v) => v.priority === highest).map((v) => startTime(v.pod));
    return -Math.min(...starts);
  },
];

/** The candidate that hurts least. */
export function pickCandidate(candidates: readonly Candidate[]): Candidate | undefined {
  let left = [...candidates];
  for (const cost of criteria) {
    const lowest = Math.min(...left.map(cost));
    left = left.filter((c) => cost(c) === lowest);
    if (left.length === 1) break;
  }
  return left[0];
}
