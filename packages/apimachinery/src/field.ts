/** A path to a field, as errors print it: `spec.containers[0].image`, `metadata.labels[a.b/c]`. Immutable. */
export class FieldPath {
  private constructor(private readonly text: string) {}

  /** A path of named fields from the object's root. Without names: the root itself. */
  static of(...names: string[]): FieldPath {
    return new FieldPath(names.join('.'));
  }
  child(...names: string[]): FieldPath {
    const more = names.join('.');
    return new FieldPath(this.text === '' ? more : more === '' ? this.text : `${this.text}.${more}`);
  }
  index(i: number): FieldPath {
    return new FieldPath(`${this.text}[${i}]`);
  }
  key(k: string): FieldPath {
    return new FieldPath(`${this.text}[${k}]`);
  }
  /** `<nil>` for the root, as Kubernetes prints it in errors. */
  toString(): string {
    return this.text === '' ? '<nil>' : this.text;
  }
  /** Empty for the root. */
  get raw(): string {
    return this.text;
  }
}

export type FieldErrorType =
  | 'FieldValueNotFound'
  | 'FieldValueRequired'
  | 'FieldValueDuplicate'
  | 'FieldValueInvalid'
  | 'FieldValueNotSupported'
  | 'FieldValueForbidden'
  | 'FieldValueTooLong'
  | 'FieldValueTooMany'
  | 'InternalError'
  | 'FieldValueTypeInvalid';

/** One problem with one field (field.Error of k8s.io/apimachinery). */
export interface FieldError {
  type: FieldErrorType;
  field: string;
  badValue?: unknown;
  detail: string;
  /** The value is not printed (kinds of error that never show it, or values that are omitted on purpose). */
  omitValue?: boolean;
}

const titles: Record<FieldErrorType, string> = {
  FieldValueNotFound: 'Not found',
  FieldValueRequired: 'Required value',
  FieldValueDuplicate: 'Duplicate value',
  FieldValueInvalid: 'Invalid value',
  FieldValueNotSupported: 'Unsupported value',
  FieldValueForbidden: 'Forbidden',
  FieldValueTooLong: 'Too long',
  FieldValueTooMany: 'Too many',
  InternalError: 'Internal error',
  FieldValueTypeInvalid: 'Invalid value',
};

function formatValue(value: unknown): string {
  if (value === null || value === undefined) return 'null';
  if (typeof value === 'string' || typeof value === 'object') return JSON.stringify(value);
  return String(value);
}

/** The error without its path, as in a Status' cause: `Invalid value: "x": must be ...`. */
export function fieldErrorBody(e: FieldError): string {
  const title = titles[e.type];
  const hidden = ['FieldValueRequired', 'FieldValueForbidden', 'FieldValueTooLong', 'InternalError'].includes(e.type);
  const head = hidden || e.omitValue ? title : `${title}: ${formatValue(e.badValue)}`;
  return e.detail === '' ? head : `${head}: ${e.detail}`;
}

/** Kubernetes' text of a field error: `spec.replicas: Invalid value: -1: must be greater than or equal to 0`. */
export function formatFieldError(e: FieldError): string {
  return `${e.field}: ${fieldErrorBody(e)}`;
}

/** Kubernetes' text of several errors: alone, or in brackets; equal texts once. */
export function aggregateMessage(messages: string[]): string {
  const unique = [...new Set(messages)];
  return unique.length === 1 ? (unique[0] ?? '') : `[${unique.join(', ')}]`;
}

type Path = FieldPath | string;

/** Constructors of field errors, named as in k8s.io/apimachinery's `field` package. */
export const field = {
  required: (path: Path, detail = ''): FieldError => ({ type: 'FieldValueRequired', field: String(path), detail }),
  invalid: (path: Path, badValue: unknown, detail: string): FieldError => ({
    type: 'FieldValueInvalid',
    field: String(path),
    badValue,
    detail,
  }),
  typeInvalid: (path: Path, badValue: unknown, detail: string): FieldError => ({
    type: 'FieldValueTypeInvalid',
    field: String(path),
    badValue,
    detail,
  }),
  notSupported: (path: Path, badValue: unknown, allowed: readonly string[]): FieldError => ({
    type: 'FieldValueNotSupported',
    field: String(path),
    badValue,
    detail: allowed.length === 0 ? '' : `supported values: ${allowed.map((v) => JSON.stringify(v)).join(', ')}`,
  }),
  forbidden: (path: Path, detail: string): FieldError => ({
    type: 'FieldValueForbidden',
    field: String(path),
    detail,
  }),
  duplicate: (path: Path, badValue: unknown): FieldError => ({
    type: 'FieldValueDuplicate',
    field: String(path),
    badValue,
    detail: '',
  }),
  notFound: (path: Path, badValue: unknown): FieldError => ({
    type: 'FieldValueNotFound',
    field: String(path),
    badValue,
    detail: '',
  }),
  tooLong: (path: Path, _value: unknown, maxLength: number): FieldError => ({
    type: 'FieldValueTooLong',
    field: String(path),
    badValue: '<value omitted>',
    detail:
      maxLength >= 0 ? `may not be more than ${maxLength} ${maxLength === 1 ? 'byte' : 'bytes'}` : 'value is too long',
  }),
  tooMany: (path: Path, actual: number, max: number): FieldError => ({
    type: 'FieldValueTooMany',
    field: String(path),
    badValue: actual >= 0 ? actual : '<value omitted>',
    detail: max >= 0 ? `must have at most ${max} ${max === 1 ? 'item' : 'items'}` : 'has too many items',
  }),
  internal: (path: Path, err: unknown): FieldError => ({
    type: 'InternalError',
    field: String(path),
    detail: err instanceof Error ? err.message : String(err),
  }),
};
