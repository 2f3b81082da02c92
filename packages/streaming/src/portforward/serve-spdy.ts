import { ended } from '../remotecommand/run.js';
import type { SpdySession } from '../spdy/session.js';
import type { SpdyStream } from '../spdy/stream.js';
import type { PortForwardHandler } from './types.js';

/** How long the second stream of a pair may take, as in Kubernetes. */
const pairTimeoutMs = 30_000;

interface Pair {
  data?: SpdyStream;
  error?: SpdyStream;
  timer: NodeJS.Timeout;
}

/**
 * Serves a port-forward connection: for each forwarded connection the client opens an error and a data stream that
 * share a requestID. Resolves when the client is gone.
 */
export function serveSpdyForward(session: SpdySession, handler: PortForwardHandler): Promise<void> {
  const pairs = new Map<string, Pair>();
  const gone = new AbortController();

  session.on('stream', (stream) => {
    const type = stream.header('streamtype');
    const port = Number(stream.header('port'));
    if ((type !== 'data' && type !== 'error') || !Number.isInteger(port) || port < 1 || port > 65535) {
      stream.destroy();
      return;
    }
    stream.reply();
    const id = requestIdOf(stream, type);
    const pair = pairs.get(id) ?? { timer: setTimeout(() => expire(id), pairTimeoutMs) };
    pairs.set(id, pair);
    if (pair[type]) {
      stream.destroy();
      return;
    }
    pair[type] = stream;
    if (!pair.data || !pair.error) return;
    clearTimeout(pair.timer);
    pairs.delete(id);
    void forward(port, pair.data, pair.error);
  });

  function expire(id: string): void {
    const pair = pairs.get(id);
    pairs.delete(id);
    pair?.error?.end(`timeout waiting for the data stream of request ${id}`);
    pair?.data?.destroy();
  }

  async function forward(port: number, data: SpdyStream, error: SpdyStream): Promise<void> {
    data.on('error', () => data.destroy());
    error.on('error', () => error.destroy());
    error.resume();
    try {
      await handler(port, data, gone.signal);
    } catch (cause) {
      const text = cause instanceof Error ? cause.message : String(cause);
      if (!error.writableEnded) error.write(`error forwarding port ${port}: ${text}`);
    }
    await Promise.all([ended(error), ended(data)]);
    data.resume();
  }

  return new Promise((resolve) => {
    const closed = () => {
      gone.abort();
      for (const pair of pairs.values()) clearTimeout(pair.timer);
      resolve();
    };
    if (session.closed) closed();
    else session.once('close', closed);
  });
}

/** Clients from before requestID opened the error stream right before the data stream. */
function requestIdOf(stream: SpdyStream, type: 'data' | 'error'): string {
  return stream.header('requestid') || `stream-${type === 'error' ? stream.id : stream.id - 2}`;
}
