import {
  emptyError,
  type FieldError,
  type FieldPath,
  field,
  inclusiveRangeError,
  isDns1035Label,
  isDns1123Label,
  isDns1123Subdomain,
  isPathSegmentName,
  isValidPortName,
  isValidPortNum,
  maskTrailingDash,
} from '@kubelab/apimachinery';

/** Collects the errors of one validation. */
export type Errors = FieldError[];

/** An absent list is an empty one. */
export const list = <T>(values: T[] | null | undefined): T[] => values ?? [];

/** Calls a function for each item of a list that may be absent. */
export function each<T>(values: T[] | null | undefined, visit: (value: T, index: number) => void): void {
  if (!values) return;
  for (let i = 0; i < values.length; i++) visit(values[i] as T, i);
}

/** Absent map entries are none. */
export const entries = <T>(map: { [key: string]: T } | null | undefined): [string, T][] => Object.entries(map ?? {});

export const isNegativeErrorMsg = 'must be greater than or equal to 0';
export const isNotPositiveErrorMsg = 'must be greater than 0';
export const fieldImmutableErrorMsg = 'field is immutable';

/** `must be greater than or equal to 0`; absent is fine. */
export function nonNegative(value: number | undefined, path: FieldPath, errors: Errors): void {
  if (value !== undefined && value < 0) errors.push(field.invalid(path, value, isNegativeErrorMsg));
}

/** `must be greater than 0`; absent is fine. */
export function positive(value: number | undefined, path: FieldPath, errors: Errors): void {
  if (value !== undefined && value <= 0) errors.push(field.invalid(path, value, isNotPositiveErrorMsg));
}

/** A required value of a fixed set. */
export function requiredEnum(
  value: string | undefined,
  allowed: readonly string[],
  path: FieldPath,
  errors: Errors,
): void {
  if (!value) errors.push(field.required(path, ''));
  else if (!allowed.includes(value)) errors.push(field.notSupported(path, value, allowed));
}

/** A value of a fixed set, if given. */
export function optionalEnum(
  value: string | undefined,
  allowed: readonly string[],
  path: FieldPath,
  errors: Errors,
): void {
  if (value !== undefined && !allowed.includes(value)) errors.push(field.notSupported(path, value, allowed));
}

/** Turns messages about a value into errors. */
export function invalidAll(path: FieldPath, value: unknown, messages: string[], errors: Errors): void {
  for (const message of messages) errors.push(field.invalid(path, value, message));
}

/** Checks a port number. */
export function portNumber(port: number | undefined, path: FieldPath, errors: Errors): void {
  invalidAll(path, port ?? 0, isValidPortNum(port ?? 0), errors);
}

/** Checks a port given by number or by name. */
export function portNumOrName(port: number | string | undefined, path: FieldPath, errors: Errors): void {
  if (typeof port === 'string') invalidAll(path, port, isValidPortName(port), errors);
  else portNumber(port, path, errors);
}

/** An absolute percentage or a count, not negative (deployments' maxSurge and such). */
export function positiveIntOrPercent(value: number | string | undefined, path: FieldPath, errors: Errors): void {
  if (typeof value === 'string') {
    if (!/^[0-9]+%$/.test(value)) {
      errors.push(
        field.invalid(
          path,
          value,
          "a valid percent string must be a numeric string followed by an ending '%' (e.g. '1%',  or '93%', regex used for validation is '[0-9]+%')",
        ),
      );
    }
  } else nonNegative(value, path, errors);
}

/** The percentage of a string such as `25%`, if it is one. */
export function percentOf(value: number | string | undefined): number | undefined {
  return typeof value === 'string' && /^[0-9]+%$/.test(value) ? Number(value.slice(0, -1)) : undefined;
}

/** No more than 100 %. */
export function notMoreThan100Percent(value: number | string | undefined, path: FieldPath, errors: Errors): void {
  const percent = percentOf(value);
  if (percent !== undefined && percent > 100) errors.push(field.invalid(path, value, 'must not be greater than 100%'));
}

const named =
  (check: (name: string) => string[]) =>
  (name: string, prefix: boolean): string[] =>
    check(prefix ? maskTrailingDash(name) : name);

/** Name checks, as resources choose them. */
export const nameIsDnsSubdomain = named(isDns1123Subdomain);
export const nameIsDnsLabel = named(isDns1123Label);
export const nameIsDns1035Label = named(isDns1035Label);
export const nameIsPathSegment = (name: string, prefix: boolean): string[] =>
  prefix ? isPathSegmentName(name).filter((m) => m.startsWith('may not contain')) : isPathSegmentName(name);

export { emptyError, inclusiveRangeError };

const isEmpty = (v: unknown): boolean =>
  v === undefined ||
  v === null ||
  v === '' ||
  v === 0 ||
  v === false ||
  (Array.isArray(v) && v.length === 0) ||
  (typeof v === 'object' && v !== null && !Array.isArray(v) && Object.keys(v).length === 0);

/**
 * Equality as Kubernetes' Semantic.DeepEqual sees decoded objects: an absent field equals one with its zero value.
 */
export function semanticEqual(a: unknown, b: unknown): boolean {
  if (a === b) return true;
  if (isEmpty(a) && isEmpty(b)) return true;
  if (typeof a !== 'object' || typeof b !== 'object' || a === null || b === null) return false;
  if (Array.isArray(a) || Array.isArray(b)) {
    if (!Array.isArray(a) || !Array.isArray(b) || a.length !== b.length) return false;
    return a.every((v, i) => semanticEqual(v, b[i]));
  }
  const left = a as Record<string, unknown>;
  const right = b as Record<string, unknown>;
  for (const key in left) if (!semanticEqual(left[key], right[key])) return false;
  for (const key in right) if (!(key in left) && !isEmpty(right[key])) return false;
  return true;
}

/** `field is immutable` unless both values are alike. */
export function immutable(value: unknown, old: unknown, path: FieldPath, errors: Errors): void {
  if (!semanticEqual(value, old)) errors.push(field.invalid(path, value ?? null, fieldImmutableErrorMsg));
}
