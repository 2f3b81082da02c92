import type { Job, Pod } from '../framework/kinds.js';

export const completionIndexKey = 'batch.kubernetes.io/job-completion-index';

export const isIndexed = (job: Job): boolean => job.spec.completionMode === 'Indexed';

/** The completion index that the pod was made for; undefined if it has none. */
export function indexOf(pod: Pod): number | undefined {
  const text = pod.metadata.annotations?.[completionIndexKey] ?? pod.metadata.labels?.[completionIndexKey];
  return text !== undefined && /^\d+$/.test(text) ? Number(text) : undefined;
}

/** Reads `1,3-5,7` into a set; what lies at or beyond `completions` is dropped. */
export function parseIndexes(text: string | undefined, completions: number): Set<number> {
  const indexes = new Set<number>();
  for (const part of (text ?? '').split(',')) {
    const match = /^(\d+)(?:-(\d+))?$/.exec(part.trim());
    if (!match) continue;
    const first = Number(match[1]);
    const last = Math.min(Number(match[2] ?? first), completions - 1);
    for (let i = first; i <= last; i++) indexes.add(i);
  }
  return indexes;
}

/** The shortest text of a set of indexes: `1,3-5,7`. */
export function formatIndexes(indexes: Set<number>): string {
  const sorted = [...indexes].sort((a, b) => a - b);
  const parts: string[] = [];
  for (let i = 0; i < sorted.length; ) {
    const first = sorted[i] ?? 0;
    let end = i;
    while (sorted[end + 1] === first + (end + 1 - i)) end++;
    const last = sorted[end] ?? first;
    if (last === first) parts.push(String(first));
    else parts.push(last === first + 1 ? `${first},${last}` : `${first}-${last}`);
    i = end + 1;
  }
  return parts.join(',');
}

/** The first `count` indexes that need a pod: neither done, failed, nor being worked on. */
export function pendingIndexes(completions: number, taken: Set<number>, count: number): number[] {
  const pending: number[] = [];
  for (let i = 0; i < completions && pending.length < count; i++) if (!taken.has(i)) pending.push(i);
  return pending;
}
