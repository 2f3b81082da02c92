import type { V1NamespaceCondition } from '@kubelab/api';
import { nowSecond } from '@kubelab/apimachinery';
import { findCondition } from '../framework/conditions.js';
import type { DeletionResult } from './delete-content.js';

interface Verdict {
  type: string;
  reason: string;
  message: string;
  /** What the condition says when there is nothing to report. */
  clear: { reason: string; message: string };
}

/** The conditions of a namespace being deleted, as kubectl users look for when one hangs. Same list if nothing changed. */
export function deletionConditions(
  before: V1NamespaceCondition[] | undefined,
  result: DeletionResult,
): V1NamespaceCondition[] {
  let conditions = before ?? [];
  for (const { type, reason, message, clear } of verdicts(result)) {
    const wanted = message
      ? { type, status: 'True', reason, message }
      : { type, status: 'False', reason: clear.reason, message: clear.message };
    const current = findCondition(conditions, type);
    if (current?.status === wanted.status && current.reason === wanted.reason && current.message === wanted.message) {
      continue;
    }
    const lastTransitionTime = current?.status === wanted.status ? current.lastTransitionTime : nowSecond();
    const next = { ...wanted, lastTransitionTime };
    conditions = current
      ? conditions.map((condition) => (condition === current ? next : condition))
      : [...conditions, next];
  }
  return conditions;
}

function verdicts(result: DeletionResult): Verdict[] {
  return [
    {
      type: 'NamespaceDeletionDiscoveryFailure',
      reason: 'DiscoveryFailed',
      message: failure('Discovery failed for some groups, %d failing: ', result.discoveryErrors),
      clear: { reason: 'ResourcesDiscovered', message: 'All resources successfully discovered' },
    },
    {
      type: 'NamespaceDeletionGroupVersionParsingFailure',
      reason: 'GroupVersionParsingFailed',
      message: '',
      clear: { reason: 'ParsedGroupVersions', message: 'All legacy kube types successfully parsed' },
    },
    {
      type: 'NamespaceDeletionContentFailure',
      reason: 'ContentDeletionFailed',
      message: failure('Failed to delete all resource types, %d remaining: ', result.contentErrors),
      clear: {
        reason: 'ContentDeleted',
        message: 'All content successfully deleted, may be waiting on finalization',
      },
    },
    {
      type: 'NamespaceContentRemaining',
      reason: 'SomeResourcesRemain',
      message: counts(
        'Some resources are remaining: ',
        result.remaining,
        (name, n) => `${name} has ${n} resource instances`,
      ),
      clear: { reason: 'ContentRemoved', message: 'All content successfully removed' },
    },
    {
      type: 'NamespaceFinalizersRemaining',
      reason: 'SomeFinalizersRemain',
      message: counts(
        'Some content in the namespace has finalizers remaining: ',
        result.finalizers,
        (name, n) => `${name} in ${n} resource instances`,
      ),
      clear: { reason: 'ContentHasNoFinalizers', message: 'All content-preserving finalizers finished' },
    },
  ];
}

function failure(text: string, errors: string[]): string {
  return errors.length === 0 ? '' : text.replace('%d', String(errors.length)) + [...errors].sort().join(', ');
}

function counts(text: string, found: Map<string, number>, line: (name: string, n: number) => string): string {
  if (found.size === 0) return '';
  return (
    text +
    [...found]
      .sort(([a], [b]) => (a < b ? -1 : 1))
      .map(([name, n]) => line(name, n))
      .join(', ')
  );
}
