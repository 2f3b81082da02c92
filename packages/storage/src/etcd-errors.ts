import { CompactedError, FutureRevisionError, StoreUnavailableError, ValueTooLargeError } from './store.js';

/** Turns an error of the etcd client into one of the store's. */
export function toStoreError(error: unknown): Error {
  const text = error instanceof Error ? error.message : String(error);
  if (text.includes('required revision has been compacted')) {
    return new CompactedError(text, { cause: error });
  }
  if (text.includes('required revision is a future revision')) {
    return new FutureRevisionError(text, { cause: error });
  }
  if (text.includes('request is too large') || text.includes('received message larger than max')) {
    return new ValueTooLargeError(text, { cause: error });
  }
  return new StoreUnavailableError(`etcd: ${text}`, { cause: error });
}
