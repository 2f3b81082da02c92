import type { Diagnosis } from '../framework/diagnosis.js';
import type { Status } from '../framework/status.js';

/** Why no node took a pod: the text of FailedScheduling events and of the PodScheduled condition. */
export class FitError extends Error {
  override readonly name = 'FitError';

  constructor(
    readonly nodeCount: number,
    readonly diagnosis: Diagnosis,
    readonly rejectedBy: Set<string>,
    /** Set when a PreFilter plugin turned the pod down before any node was looked at. */
    readonly preFilterMessage = '',
  ) {
    super('');
  }

  /** Kubernetes' message; `postFilter` is what preemption said, empty if it did not run or worked. */
  describe(postFilter = ''): string {
    if (this.nodeCount === 0) return 'no nodes available to schedule pods';
    let text = `0/${this.nodeCount} nodes are available:`;
    if (this.preFilterMessage) text += ` ${this.preFilterMessage}.`;
    else {
      const counts = histogram(this.nodeCount, this.diagnosis);
      if (counts) text += ` ${counts}.`;
    }
    return postFilter ? `${text} ${postFilter}` : text;
  }
}

/** `2 Insufficient cpu, 1 node(s) were unschedulable`, sorted as text. */
function histogram(nodeCount: number, diagnosis: Diagnosis): string {
  const counts = new Map<string, number>();
  const add = (status: Status, n: number): void => {
    for (const reason of status.reasons) counts.set(reason, (counts.get(reason) ?? 0) + n);
  };
  for (const status of diagnosis.values()) add(status, 1);
  if (diagnosis.others && diagnosis.size < nodeCount) add(diagnosis.others, nodeCount - diagnosis.size);
  return [...counts]
    .map(([reason, n]) => `${n} ${reason}`)
    .sort()
    .join(', ');
}
