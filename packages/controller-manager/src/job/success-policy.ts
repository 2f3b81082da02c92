import type { V1SuccessPolicy } from '@kubelab/api';
import { parseIndexes } from './indexes.js';

/** The message of the first success rule that the finished indexes satisfy; undefined if none is. */
export function matchSuccessPolicy(
  policy: V1SuccessPolicy | undefined,
  completions: number,
  succeeded: Set<number>,
): string | undefined {
  for (const [i, rule] of (policy?.rules ?? []).entries()) {
    const named = rule.succeededIndexes === undefined ? undefined : parseIndexes(rule.succeededIndexes, completions);
    const done = named ? [...named].filter((index) => succeeded.has(index)).length : succeeded.size;
    const wanted = rule.succeededCount ?? named?.size;
    if (wanted !== undefined && done >= wanted) return `Matched rules at index ${i}`;
  }
  return undefined;
}
