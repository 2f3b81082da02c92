import type { SpdySession } from '../spdy/session.js';
import type { SpdyStream } from '../spdy/stream.js';
import { ResizeQueue, readResizes } from './resize.js';
import { ended, runCommand } from './run.js';
import { encodeStatus } from './status.js';
import type { CommandHandler, StreamOptions } from './types.js';

/** How long a client may take to open its streams, as in Kubernetes. */
const streamCreationTimeoutMs = 30_000;

/** Serves one command on an accepted SPDY connection. Resolves when the connection is done with. */
export async function serveSpdyCommand(
  session: SpdySession,
  protocol: string,
  options: StreamOptions,
  handler: CommandHandler,
): Promise<void> {
  const structured = protocol === 'v4.channel.k8s.io';
  const hasResize = options.tty && (structured || protocol === 'v3.channel.k8s.io');
  const wanted = ['error'];
  for (const name of ['stdin', 'stdout', 'stderr'] as const) if (options[name]) wanted.push(name);
  if (hasResize) wanted.push('resize');
  const gone = new AbortController();
  session.once('close', () => gone.abort());

  const streams = await collectStreams(session, wanted);
  const error = streams?.get('error');
  if (!streams || !error) {
    session.close();
    return;
  }
  const resizes = new ResizeQueue();
  const resize = streams.get('resize');
  if (resize) readResizes(resize, resizes);
  const outcome = await runCommand(handler, {
    stdin: streams.get('stdin'),
    stdout: streams.get('stdout'),
    stderr: streams.get('stderr'),
    tty: options.tty,
    resizes,
    signal: gone.signal,
  });
  error.on('error', () => error.destroy());
  if (!error.destroyed) error.end(encodeStatus(outcome, structured));
  await ended(error);
  session.close();
}

/** Waits for one stream of each wanted type; undefined when the client opens something else, or not in time. */
function collectStreams(session: SpdySession, wanted: string[]): Promise<Map<string, SpdyStream> | undefined> {
  return new Promise((resolve) => {
    const streams = new Map<string, SpdyStream>();
    const timer = setTimeout(() => done(undefined), streamCreationTimeoutMs);
    const onClose = () => done(undefined);
    const onStream = (stream: SpdyStream) => {
      const type = stream.header('streamtype');
      if (!wanted.includes(type) || streams.has(type)) {
        stream.destroy();
        done(undefined);
        return;
      }
      stream.reply();
      streams.set(type, stream);
      if (streams.size === wanted.length) done(streams);
    };
    const done = (result: Map<string, SpdyStream> | undefined) => {
      clearTimeout(timer);
      session.off('stream', onStream);
      session.off('close', onClose);
      resolve(result);
    };
    session.on('stream', onStream);
    session.once('close', onClose);
    if (session.closed) done(undefined);
  });
}
