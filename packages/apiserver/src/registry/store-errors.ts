import {
  type GroupResource,
  newInternalError,
  newResourceExpired,
  newTimeout,
  StatusError,
} from '@kubelab/apimachinery';
import { CompactedError, FutureRevisionError, StoreUnavailableError } from '@kubelab/storage';

/** Turns what the store throws into what a client is answered; other errors are internal ones. */
export function toApiError(error: unknown): StatusError {
  if (error instanceof StatusError) {
    return error;
  }
  if (error instanceof CompactedError) {
    return newResourceExpired(error.message.replace(/^.*?(too old resource version)/, '$1'));
  }
  if (error instanceof FutureRevisionError) {
    return tooLargeResourceVersion(0, 0);
  }
  if (error instanceof StoreUnavailableError) {
    return newTimeout(`the server was unable to return a response in the time allotted: ${error.message}`, 1);
  }
  return newInternalError(error instanceof Error ? error : new Error(String(error)));
}

/** The answer to a read at a resourceVersion that this server has not seen (storage.NewTooLargeResourceVersionError). */
export function tooLargeResourceVersion(asked: number, current: number): StatusError {
  const error = newTimeout(`Too large resource version: ${asked}, current: ${current}`, 1);
  const details = error.status.details ?? {};
  error.status.details = {
    ...details,
    causes: [{ reason: 'ResourceVersionTooLarge', message: 'Too large resource version' }],
  };
  return error;
}

export function groupResource(entry: { group: string; resource: string }): GroupResource {
  return { group: entry.group, resource: entry.resource };
}
