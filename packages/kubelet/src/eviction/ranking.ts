import type { Pod } from '../pod/types.js';

export interface Candidate {
  pod: Pod;
  /** What the pod uses of the starved resource, in bytes (or processes). */
  usage: number;
  /** What it asked for. */
  request: number;
}

const priority = (candidate: Candidate) => candidate.pod.spec.priority ?? 0;
const excess = (candidate: Candidate) => candidate.usage - candidate.request;

/** Who is evicted first: those above their request, then lower priority, then the largest use beyond the request. */
export function rankForEviction(candidates: Candidate[]): Candidate[] {
  return [...candidates].sort((a, b) => {
    const above = Number(excess(b) > 0) - Number(excess(a) > 0);
    return above || priority(a) - priority(b) || excess(b) - excess(a);
  });
}

/** Static and critical pods are never evicted for the node's sake. */
export function isEvictable(pod: Pod): boolean {
  const source = pod.metadata.annotations?.['kubernetes.io/config.source'];
  return (source === undefined || source === 'api') && (pod.spec.priority ?? 0) < 2_000_000_000;
}
