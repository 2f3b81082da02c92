import type { Duplex, Writable } from 'node:stream';
import type { CommandStreams, TerminalSize } from '@kubelab/streaming';
import { pipeOutput } from '../docker/exec.js';

/**
 * Joins a client's streams with Docker's connection of an exec or attach. Resolves when the output has ended, or the
 * client is gone.
 */
export async function joinCommand(
  docker: Duplex,
  streams: CommandStreams,
  resize: (size: TerminalSize) => Promise<unknown>,
): Promise<void> {
  const { stdin, signal } = streams;
  streams.resizes.listen((size) => {
    // A terminal that can't be resized any more belongs to a command that has ended.
    resize(size).catch(() => undefined);
  });
  if (stdin) {
    stdin.pipe(docker);
    stdin.once('error', () => docker.end());
  }
  const gone = new Promise<void>((resolve) => {
    if (signal.aborted) resolve();
    signal.addEventListener('abort', () => resolve(), { once: true });
  });
  const done = pipeOutput(docker, streams.tty, (name, chunk) => {
    const to: Writable | undefined = name === 'stderr' ? streams.stderr : streams.stdout;
    if (!to || to.destroyed || to.writableEnded || to.write(chunk)) return true;
    to.once('drain', () => docker.resume());
    to.once('close', () => docker.resume());
    return false;
  });
  await Promise.race([done, gone]);
  stdin?.unpipe(docker);
}
