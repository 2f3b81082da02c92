import type { V1PodStatus } from '@kubelab/api';
import { semanticEqual } from '@kubelab/apimachinery';
import { isOwnCondition, passingConditions } from './conditions.js';

type Fields = Record<string, unknown>;

/** Lists that a strategic merge patch merges by a key: their members that have gone are deleted by name. */
const mergeKeys: Record<string, string> = { conditions: 'type', podIPs: 'ip', hostIPs: 'ip' };

/**
 * The strategic merge patch that turns one pod status into another, or undefined when they are the same. Fields that
 * the new status does not have stay: nominatedNodeName, resize and such belong to others.
 */
export function statusPatch(old: V1PodStatus, now: V1PodStatus, uid: string): object | undefined {
  const before = old as Fields;
  const after = now as Fields;
  const status: Fields = {};
  for (const key of Object.keys(after)) {
    if (semanticEqual(before[key], after[key])) continue;
    const mergeKey = mergeKeys[key];
    const value = mergeKey ? mergedList(before[key], after[key], mergeKey, key === 'conditions') : after[key];
    if (!mergeKey || (value as unknown[]).length > 0) status[key] = value;
  }
  for (const key of ['podIP', 'podIPs', 'reason', 'message']) {
    if (before[key] !== undefined && after[key] === undefined) status[key] = null;
  }
  // The UID makes the server refuse the patch when the pod has been replaced by one of the same name.
  return Object.keys(status).length > 0 ? { metadata: { uid }, status } : undefined;
}

function mergedList(before: unknown, after: unknown, key: string, keepOthers: boolean): unknown[] {
  const old = (before ?? []) as Fields[];
  const now = (after ?? []) as Fields[];
  // Conditions of others are known here as of some time ago: writing them would undo what they wrote since.
  const changed = now.filter(
    (item) =>
      (!keepOthers || isOwnCondition(item as { type: string; reason?: string })) &&
      !semanticEqual(
        old.find((other) => other[key] === item[key]),
        item,
      ),
  );
  // A member that lost a field (a condition's reason) must say so: merging would keep it.
  const complete = changed.map((item) => {
    const previous = old.find((other) => other[key] === item[key]) ?? {};
    const lost = Object.keys(previous).filter((field) => item[field] === undefined && previous[field] !== null);
    return { ...Object.fromEntries(lost.map((field) => [field, null])), ...withoutUndefined(item) };
  });
  // Of the conditions only this agent's own are deleted, others' may just not be known here yet.
  const mine = (item: Fields) => !keepOthers || passingConditions.includes(String(item[key]));
  const gone = old.filter((item) => mine(item) && !now.some((other) => other[key] === item[key]));
  return [...gone.map((item) => ({ $patch: 'delete', [key]: item[key] })), ...complete];
}

function withoutUndefined(item: Fields): Fields {
  return Object.fromEntries(Object.entries(item).filter(([, value]) => value !== undefined));
}
