/** The common part of all kinds' status conditions. */
export interface Condition {
  type: string;
  status: string;
  reason?: string;
  message?: string;
  lastTransitionTime?: string;
}

export function findCondition<C extends { type: string }>(conditions: C[] | undefined, type: string): C | undefined {
  return conditions?.find((condition) => condition.type === type);
}

export function withoutCondition<C extends { type: string }>(conditions: C[] | undefined, type: string): C[] {
  return (conditions ?? []).filter((condition) => condition.type !== type);
}

/**
 * Sets a condition as workload controllers do: an equal status and reason change nothing, an equal status keeps the
 * transition time. Returns a new list.
 */
export function withCondition<C extends Condition>(conditions: C[] | undefined, wanted: C): C[] {
  const current = findCondition(conditions, wanted.type);
  if (current && current.status === wanted.status && current.reason === wanted.reason) return [...(conditions ?? [])];
  const next =
    current?.status === wanted.status ? { ...wanted, lastTransitionTime: current.lastTransitionTime } : wanted;
  return [...withoutCondition(conditions, wanted.type), next];
}
