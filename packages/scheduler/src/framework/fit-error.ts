import type { Refusal } from './types.js';

/** Why no node would do: the refusals by node, and Kubernetes' text of it (framework.FitError). */
export class FitError extends Error {
  override readonly name = 'FitError';

  constructor(
    readonly nodeCount: number,
    readonly refusals: Map<string, Refusal>,
    /** What preemption came to, in its own sentence. */
    readonly preemption = '',
  ) {
    super(fitMessage(nodeCount, refusals.values(), preemption));
  }

  get plugins(): Set<string> {
    return new Set([...this.refusals.values()].map((refusal) => refusal.plugin));
  }
}

/** `0/2 nodes are available: 2 Insufficient cpu.` and what preemption says. */
export function fitMessage(nodeCount: number, refusals: Iterable<Refusal>, preemption: string): string {
  const histogram = new Map<string, number>();
  for (const { reasons } of refusals) {
    for (const reason of reasons) {
      histogram.set(reason, (histogram.get(reason) ?? 0) + 1);
    }
  }
  const parts = [...histogram].map(([reason, count]) => `${count} ${reason}`).sort();
  const why = parts.length > 0 ? `: ${parts.join(', ')}` : '';
  const sentence =
    nodeCount === 0 ? 'no nodes available to schedule pods' : `0/${nodeCount} nodes are available${why}.`;
  return preemption ? `${sentence} preemption: ${preemption}` : sentence;
}
