/**
 * A copy of a JSON value without nulls and undefined fields and with sorted keys, so that equal values have equal
 * texts whoever wrote them.
 */
export function canonical(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(canonical);
  if (value === null || typeof value !== 'object') return value;
  const entries = Object.entries(value).filter(([, field]) => field !== null && field !== undefined);
  return canonicalOrder(Object.fromEntries(entries.map(([key, field]) => [key, canonical(field)])));
}

/** A copy of an object with its own keys in order. */
export function canonicalOrder<T extends object>(value: T): T {
  const entries = Object.entries(value).sort(([a], [b]) => (a < b ? -1 : a > b ? 1 : 0));
  return Object.fromEntries(entries) as T;
}

export function canonicalText(value: unknown): string {
  return JSON.stringify(canonical(value)) ?? '';
}

/** Drops fields that Go's `omitempty` would not write (0, empty text, empty list), so statuses compare and read as Kubernetes'. */
export function omitEmpty<T extends object>(value: T): T {
  const kept = Object.entries(value).filter(
    ([, field]) => field !== undefined && field !== 0 && field !== '' && !(Array.isArray(field) && field.length === 0),
  );
  return Object.fromEntries(kept) as T;
}
