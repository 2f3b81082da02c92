import type { Writable } from 'node:stream';
import type { CommandHandler, CommandStreams } from './types.js';

/** Runs a handler to its end, and ends its output streams once all of it has been handed to the connection. */
export async function runCommand(handler: CommandHandler, streams: CommandStreams): Promise<number | Error> {
  for (const stream of [streams.stdin, streams.stdout, streams.stderr]) {
    // A client that goes away is told by the signal; the handler need not listen for errors of its own.
    stream?.on('error', () => stream.destroy());
  }
  // Nobody would see what the command does.
  if (streams.signal.aborted) return new Error('the client is gone');
  let outcome: number | Error;
  try {
    outcome = (await handler(streams)) ?? 0;
  } catch (error) {
    outcome = error instanceof Error ? error : new Error(String(error));
  }
  await Promise.all([streams.stdout, streams.stderr].map((stream) => ended(stream)));
  return outcome;
}

/** Resolves when a stream has passed everything on, or is broken. */
export function ended(stream: Writable | undefined): Promise<void> {
  if (!stream || stream.destroyed || stream.writableFinished) return Promise.resolve();
  return new Promise((resolve) => {
    stream.once('finish', resolve);
    stream.once('close', resolve);
    stream.once('error', () => resolve());
    if (!stream.writableEnded) stream.end();
  });
}
