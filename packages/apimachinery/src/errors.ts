import { aggregateMessage, type FieldError, fieldErrorBody, formatFieldError } from './field.js';
import { formatGroupKind, formatGroupResource, type GroupKind, type GroupResource } from './gvk.js';
import type { Status, StatusDetails } from './types.js';

/** An error that is a metav1.Status: what the API server answers and what a client raises. */
export class StatusError extends Error {
  readonly status: Status;
  constructor(status: Omit<Status, 'kind' | 'apiVersion' | 'metadata'> & Partial<Status>) {
    super(status.message ?? 'unknown');
    this.name = 'StatusError';
    this.status = {
      kind: 'Status',
      apiVersion: 'v1',
      metadata: status.metadata ?? {},
      status: status.status ?? 'Failure',
      ...(status.message === undefined ? {} : { message: status.message }),
      ...(status.reason ? { reason: status.reason } : {}),
      ...(status.details ? { details: status.details } : {}),
      code: status.code ?? 500,
    };
  }
  get code(): number {
    return this.status.code ?? 500;
  }
  get reason(): string {
    return this.status.reason ?? '';
  }
}

function details(gr: GroupResource, name?: string, more: Partial<StatusDetails> = {}): StatusDetails {
  return {
    ...(name ? { name } : {}),
    ...(gr.group ? { group: gr.group } : {}),
    ...(gr.resource ? { kind: gr.resource } : {}),
    ...more,
  };
}

const quote = (s: string) => JSON.stringify(s);

export function newNotFound(gr: GroupResource, name: string): StatusError {
  return new StatusError({
    code: 404,
    reason: 'NotFound',
    details: details(gr, name),
    message: `${formatGroupResource(gr)} ${quote(name)} not found`,
  });
}

/** 404 for a path that no resource serves. */
export function newPathNotFound(): StatusError {
  return new StatusError({
    code: 404,
    reason: 'NotFound',
    details: {},
    message: 'the server could not find the requested resource',
  });
}

export function newAlreadyExists(gr: GroupResource, name: string): StatusError {
  return new StatusError({
    code: 409,
    reason: 'AlreadyExists',
    details: details(gr, name),
    message: `${formatGroupResource(gr)} ${quote(name)} already exists`,
  });
}

/** The generated name of a generateName request exists already. */
export function newGenerateNameConflict(gr: GroupResource, name: string, retryAfterSeconds: number): StatusError {
  return new StatusError({
    code: 409,
    reason: 'AlreadyExists',
    details: details(gr, name, { retryAfterSeconds }),
    message: `${formatGroupResource(gr)} ${quote(name)} already exists, the server was not able to generate a unique name for the object`,
  });
}

export function newConflict(gr: GroupResource, name: string, message: string): StatusError {
  return new StatusError({
    code: 409,
    reason: 'Conflict',
    details: details(gr, name),
    message: `Operation cannot be fulfilled on ${formatGroupResource(gr)} ${quote(name)}: ${message}`,
  });
}

/** The text of a conflict when a write carries an old resourceVersion. */
export const optimisticLockMessage =
  'the object has been modified; please apply your changes to the latest version and try again';

/** 409 of server-side apply, one cause a conflicting field. */
export function newApplyConflict(causes: { field: string; message: string }[], message: string): StatusError {
  return new StatusError({
    code: 409,
    reason: 'Conflict',
    details: { causes: causes.map((c) => ({ reason: 'FieldManagerConflict', message: c.message, field: c.field })) },
    message,
  });
}

export function newInvalid(gk: GroupKind, name: string, errors: FieldError[]): StatusError {
  const subject = `${formatGroupKind(gk)} ${quote(name)} is invalid`;
  return new StatusError({
    code: 422,
    reason: 'Invalid',
    details: {
      ...(name ? { name } : {}),
      ...(gk.group ? { group: gk.group } : {}),
      ...(gk.kind ? { kind: gk.kind } : {}),
      ...(errors.length === 0
        ? {}
        : { causes: errors.map((e) => ({ reason: e.type, message: fieldErrorBody(e), field: e.field })) }),
    },
    message: errors.length === 0 ? subject : `${subject}: ${aggregateMessage(errors.map(formatFieldError))}`,
  });
}

export function newBadRequest(message: string): StatusError {
  return new StatusError({ code: 400, reason: 'BadRequest', message });
}

export function newForbidden(gr: GroupResource, name: string, message: string): StatusError {
  const g = formatGroupResource(gr);
  const text =
    gr.resource === ''
      ? `forbidden: ${message}`
      : name === ''
        ? `${g} is forbidden: ${message}`
        : `${g} ${quote(name)} is forbidden: ${message}`;
  return new StatusError({ code: 403, reason: 'Forbidden', details: details(gr, name), message: text });
}

export function newUnauthorized(message = 'Unauthorized'): StatusError {
  return new StatusError({ code: 401, reason: 'Unauthorized', message: message || 'not authorized' });
}

export function newMethodNotSupported(gr: GroupResource, verb: string): StatusError {
  return new StatusError({
    code: 405,
    reason: 'MethodNotAllowed',
    details: details(gr),
    message: `${verb} is not supported on resources of kind ${quote(formatGroupResource(gr))}`,
  });
}

/** 504: the operation did not finish in time. */
export function newTimeout(message: string, retryAfterSeconds = 0): StatusError {
  return new StatusError({
    code: 504,
    reason: 'Timeout',
    details: retryAfterSeconds ? { retryAfterSeconds } : {},
    message: `Timeout: ${message}`,
  });
}

/** 500: the server could not finish in time and the client may try again. */
export function newServerTimeout(gr: GroupResource, operation: string, retryAfterSeconds: number): StatusError {
  return new StatusError({
    code: 500,
    reason: 'ServerTimeout',
    details: details(gr, operation, { retryAfterSeconds }),
    message: `The ${operation} operation against ${formatGroupResource(gr)} could not be completed at this time, please try again.`,
  });
}

/** 410 with reason Expired: the resourceVersion or continue token is too old. */
export function newResourceExpired(message: string): StatusError {
  return new StatusError({ code: 410, reason: 'Expired', message });
}

export function newGone(message: string): StatusError {
  return new StatusError({ code: 410, reason: 'Gone', message });
}

export function newTooManyRequests(message: string, retryAfterSeconds: number): StatusError {
  return new StatusError({
    code: 429,
    reason: 'TooManyRequests',
    details: retryAfterSeconds ? { retryAfterSeconds } : {},
    message,
  });
}

export function newServiceUnavailable(reason: string): StatusError {
  return new StatusError({ code: 503, reason: 'ServiceUnavailable', message: reason });
}

export function newInternalError(err: unknown): StatusError {
  const text = err instanceof Error ? err.message : String(err);
  return new StatusError({
    code: 500,
    reason: 'InternalError',
    details: { causes: [{ message: text }] },
    message: `Internal error occurred: ${text}`,
  });
}

export function newUnsupportedMediaType(supported: readonly string[]): StatusError {
  return new StatusError({
    code: 415,
    reason: 'UnsupportedMediaType',
    message: `the body of the request was in an unknown format - accepted media types include: ${supported.join(', ')}`,
  });
}

export function newNotAcceptable(supported: readonly string[]): StatusError {
  return new StatusError({
    code: 406,
    reason: 'NotAcceptable',
    message: `only the following media types are accepted: ${supported.join(', ')}`,
  });
}

export function newRequestEntityTooLarge(message: string): StatusError {
  return new StatusError({
    code: 413,
    reason: 'RequestEntityTooLarge',
    message: `Request entity is too large: ${message}`,
  });
}

const genericReasons: Record<number, [reason: string, message: string]> = {
  409: ['Conflict', 'the server reported a conflict'],
  404: ['NotFound', 'the server could not find the requested resource'],
  400: ['BadRequest', 'the server rejected our request for an unknown reason'],
  401: ['Unauthorized', 'the server has asked for the client to provide credentials'],
  403: ['Forbidden', 'the server does not allow access to the requested resource'],
  405: ['MethodNotAllowed', 'the server does not allow this method on the requested resource'],
  406: ['NotAcceptable', 'the server was unable to respond with a content type that the client supports'],
  415: ['UnsupportedMediaType', 'the server was unable to respond with a content type that the client supports'],
  422: ['Invalid', 'the server rejected our request due to an error in our request'],
  503: ['ServiceUnavailable', 'the server is currently unable to handle the request'],
  504: [
    'Timeout',
    'the server was unable to return a response in the time allotted, but may still be processing the request',
  ],
  429: ['TooManyRequests', 'the server has received too many requests and has asked us to try again later'],
};

/** What a client makes of an answer that is no Status (NewGenericServerResponse). */
export function newGenericServerResponse(
  code: number,
  verb: string,
  gr: GroupResource,
  name: string,
  serverMessage: string,
  retryAfterSeconds: number,
  isUnexpected: boolean,
): StatusError {
  let reason = '';
  let message = `the server responded with the status code ${code} but did not return more information`;
  const known = genericReasons[code];
  if (known) [reason, message] = known;
  else if (code >= 500) {
    reason = 'InternalError';
    message = `an error on the server (${quote(serverMessage)}) has prevented the request from succeeding`;
  }
  if (gr.resource !== '') {
    const what = name === '' ? formatGroupResource(gr) : `${formatGroupResource(gr)} ${name}`;
    message = `${message} (${verb.toLowerCase()} ${what})`;
  }
  return new StatusError({
    code,
    reason,
    details: details(gr, name, {
      ...(isUnexpected ? { causes: [{ reason: 'UnexpectedServerResponse', message: serverMessage }] } : {}),
      ...(retryAfterSeconds ? { retryAfterSeconds } : {}),
    }),
    message,
  });
}

/** The 422 of a patch that can't be applied, with the patch library's text. */
export function newPatchError(message: string): StatusError {
  return new StatusError({
    code: 422,
    reason: 'Invalid',
    details: {},
    message: `the server rejected our request due to an error in our request${message ? `: ${message}` : ''}`,
  });
}

/** The Status of any error: a StatusError's own, else InternalError. */
export function toStatusError(err: unknown): StatusError {
  return err instanceof StatusError ? err : newInternalError(err);
}

/** The reason of an error, empty when it is no StatusError. */
export function reasonForError(err: unknown): string {
  return err instanceof StatusError ? err.reason : '';
}

const hasReason = (err: unknown, reason: string, code: number) =>
  err instanceof StatusError && (err.reason === reason || (err.reason === '' && err.code === code));

export const isNotFound = (e: unknown): boolean => hasReason(e, 'NotFound', 404);
export const isAlreadyExists = (e: unknown): boolean => reasonForError(e) === 'AlreadyExists';
export const isConflict = (e: unknown): boolean => hasReason(e, 'Conflict', 409);
export const isInvalid = (e: unknown): boolean => hasReason(e, 'Invalid', 422);
export const isBadRequest = (e: unknown): boolean => hasReason(e, 'BadRequest', 400);
export const isForbidden = (e: unknown): boolean => hasReason(e, 'Forbidden', 403);
export const isUnauthorized = (e: unknown): boolean => hasReason(e, 'Unauthorized', 401);
export const isGone = (e: unknown): boolean => hasReason(e, 'Gone', 410);
export const isResourceExpired = (e: unknown): boolean => reasonForError(e) === 'Expired';
export const isTimeout = (e: unknown): boolean => hasReason(e, 'Timeout', 504);
export const isServerTimeout = (e: unknown): boolean => reasonForError(e) === 'ServerTimeout';
export const isTooManyRequests = (e: unknown): boolean => hasReason(e, 'TooManyRequests', 429);
export const isInternalError = (e: unknown): boolean => hasReason(e, 'InternalError', 500);
export const isServiceUnavailable = (e: unknown): boolean => hasReason(e, 'ServiceUnavailable', 503);
/** A namespace that is being deleted refused a creation. */
export const hasStatusCause = (e: unknown, cause: string): boolean =>
  e instanceof StatusError && (e.status.details?.causes ?? []).some((c) => c.reason === cause);
