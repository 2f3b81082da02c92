import { type Status, StatusError } from '@kubelab/apimachinery';
import type { WatchEvent } from '../types.js';
import type { Client, Query } from './client.js';
import { LineSplitter } from './json-lines.js';
import { ConnectionError } from './transport.js';

/** A line of a watch as the server sends it. */
interface RawEvent<T> {
  type: WatchEvent<T>['type'] | 'ERROR';
  object: T | Status;
}

/**
 * The events of a watch, batched as they arrive. Ends when the server ends the stream or the signal aborts; throws
 * StatusError for an ERROR event and ConnectionError when the stream breaks. Events before an error are delivered.
 */
export async function* watchStream<T>(
  client: Client,
  path: string,
  query: Query,
  signal: AbortSignal,
): AsyncGenerator<WatchEvent<T>[]> {
  if (signal.aborted) return;
  let res: Awaited<ReturnType<Client['stream']>>;
  try {
    res = await client.stream('GET', path, { query, signal });
  } catch (error) {
    if (signal.aborted) return;
    throw error;
  }
  const splitter = new LineSplitter();
  try {
    for await (const chunk of res) {
      const events: WatchEvent<T>[] = [];
      let failure: StatusError | undefined;
      for (const line of splitter.push(chunk as Buffer)) {
        const event = JSON.parse(line) as RawEvent<T>;
        if (event.type === 'ERROR') {
          failure = new StatusError(event.object as Status);
          break;
        }
        events.push(event as WatchEvent<T>);
      }
      if (events.length > 0) yield events;
      if (failure) throw failure;
    }
  } catch (error) {
    if (signal.aborted) return;
    if (error instanceof StatusError || error instanceof SyntaxError) throw error;
    throw new ConnectionError(`watch ${path}`, error as NodeJS.ErrnoException, false);
  } finally {
    res.destroy();
  }
}
