import { status as codes, type ServiceError } from '@grpc/grpc-js';

/** A gRPC status code by its name, such as NOT_FOUND. */
export type StatusName = keyof typeof codes;

/**
 * An error that crosses the CRI socket: a handler throws it to choose the gRPC status, a client call rejects with it.
 * `message` is the bare text, without gRPC's number prefix.
 */
export class CriError extends Error {
  constructor(
    readonly code: StatusName,
    message: string,
    options?: ErrorOptions,
  ) {
    super(message, options);
    this.name = 'CriError';
  }

  /** What a client call failed with; anything but a gRPC error becomes UNKNOWN. */
  static from(error: unknown): CriError {
    if (error instanceof CriError) return error;
    if (isServiceError(error)) {
      const code = (codes[error.code] ?? 'UNKNOWN') as StatusName;
      return new CriError(code, error.details || error.message, { cause: error });
    }
    return new CriError('UNKNOWN', error instanceof Error ? error.message : String(error), { cause: error });
  }

  /** The shape grpc-js wants from a handler. */
  toServiceError(): Partial<ServiceError> {
    return { code: codes[this.code], details: this.message };
  }
}

/** Whether a call failed because the sandbox, container or image does not exist. */
export function isNotFound(error: unknown): boolean {
  return error instanceof CriError && error.code === 'NOT_FOUND';
}

/** Whether a call failed because the object is there already. */
export function isAlreadyExists(error: unknown): boolean {
  return error instanceof CriError && error.code === 'ALREADY_EXISTS';
}

/** Whether the runtime could not be reached, or gave no answer in time. */
export function isUnavailable(error: unknown): boolean {
  return error instanceof CriError && (error.code === 'UNAVAILABLE' || error.code === 'DEADLINE_EXCEEDED');
}

function isServiceError(error: unknown): error is ServiceError {
  return error instanceof Error && 'code' in error && typeof error.code === 'number';
}
