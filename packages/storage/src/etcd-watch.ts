import type { Etcd3, IWatchResponse } from 'etcd3';
import { toStoreError } from './etcd-errors.js';
import { CompactedError, type StoreEvent, StoreUnavailableError, type WatchBatch, type WatchOptions } from './store.js';

interface WireEvent {
  type: 'Put' | 'Delete';
  kv: { key: Buffer; value: Buffer; mod_revision: string };
}

/** As key and range end: from the first key on, without end. */
const everything = Buffer.from([0]);

/**
 * One watch of all of etcd's keys as an iterable of batches. It makes no attempt to reconnect: its caller knows the last revision it
 * has seen and watches again from there. (The client library's own watcher reconnects by itself, which its tests do not
 * cover.) A batch's revision never goes back.
 */
export async function* watchEtcd(
  client: Etcd3,
  options: WatchOptions,
  decode: (event: WireEvent) => StoreEvent | undefined,
): AsyncGenerator<WatchBatch> {
  if (options.signal.aborted) {
    return;
  }
  const stream = await client.watchClient.watch().catch((error) => {
    throw toStoreError(error);
  });
  const queue: IWatchResponse[] = [];
  let failure: Error | undefined;
  let ended = false;
  let wake: () => void = () => undefined;
  const stop = () => {
    ended = true;
    wake();
  };
  stream.on('data', (response: IWatchResponse) => {
    queue.push(response);
    wake();
  });
  stream.on('error', (error: Error) => {
    failure = toStoreError(error);
    wake();
  });
  stream.on('end', () => {
    failure ??= new StoreUnavailableError('etcd: the watch stream ended');
    wake();
  });
  options.signal.addEventListener('abort', stop, { once: true });
  stream.write({
    create_request: {
      key: everything,
      range_end: everything,
      start_revision: options.fromRevision,
      progress_notify: true,
    },
  });
  try {
    while (!ended) {
      const response = queue.shift();
      if (!response) {
        if (failure) {
          throw failure;
        }
        await new Promise<void>((resolve) => {
          wake = resolve;
        });
        continue;
      }
      if (Number(response.compact_revision) > 0) {
        throw new CompactedError(`revisions before ${response.compact_revision} are compacted`);
      }
      if (response.canceled) {
        throw toStoreError(new Error(response.cancel_reason || 'the watch was cancelled'));
      }
      if (response.created) {
        options.onStarted?.();
        continue;
      }
      const wire = response.events as unknown as WireEvent[];
      const events: StoreEvent[] = [];
      for (const event of wire) {
        const decoded = decode(event);
        if (decoded) {
          events.push(decoded);
        }
      }
      // A response with events is complete up to its last event; one without is a progress notification.
      yield { events, revision: Number(wire.at(-1)?.kv.mod_revision ?? response.header.revision) };
    }
  } finally {
    options.signal.removeEventListener('abort', stop);
    // The cancellation below is reported as an error, which nobody waits for any more.
    stream.on('error', () => undefined);
    stream.end();
    (stream as unknown as { cancel?(): void }).cancel?.();
  }
}
