import { field, newInvalid, type StatusError } from '@kubelab/apimachinery';

/** Kinds of Go's values in a decoded patch, by the words of its JSON decoder: [kind, type]. */
const goKinds: Record<string, [string, string]> = {
  string: ['string', 'string'],
  number: ['int64', 'int64'],
  bool: ['bool', 'bool'],
  object: ['map', 'map[string]interface {}'],
  array: ['slice', '[]interface {}'],
};

/**
 * The error of a strategic merge patch whose result does not fit the kind. Kubernetes applies such patches to decoded
 * objects, so that its words are not those of the JSON decoder: `cannot restore map from string`.
 * @param problem in the words of the JSON decoder
 */
export function newRestoreError(problem: string, patch: unknown): StatusError {
  const detail = restoreText(problem);
  return newInvalid({ group: '', kind: '' }, '', [field.invalid('patch', goText(patch), detail)]);
}

function restoreText(problem: string): string {
  const found = /cannot unmarshal (\w+)( \S+)? into .* of type (.+)$/.exec(problem);
  const kinds = goKinds[found?.[1] ?? ''];
  if (!found || !kinds) {
    return problem;
  }
  const kind = found[2]?.includes('.') ? 'float64' : kinds[0];
  const wanted = found[3] ?? '';
  if (wanted.startsWith('map[')) return `cannot restore map from ${kind}`;
  if (wanted.startsWith('[]')) return `cannot restore slice from ${kind}`;
  // Types of a package are structs: their own decoding (quantities, times) fails with other words.
  if (wanted.includes('.')) return `cannot restore struct from: ${kind}`;
  return `cannot convert ${kind === 'float64' ? kind : kinds[1]} to ${wanted}`;
}

/** A decoded JSON value as Go prints it by %+v. */
function goText(value: unknown): string {
  if (value === null || value === undefined) return '<nil>';
  if (Array.isArray(value)) return `[${value.map(goText).join(' ')}]`;
  if (typeof value !== 'object') return String(value);
  const members = Object.entries(value).sort(([a], [b]) => (a < b ? -1 : 1));
  return `map[${members.map(([name, member]) => `${name}:${goText(member)}`).join(' ')}]`;
}
