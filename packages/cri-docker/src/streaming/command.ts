import { type Duplex, Transform, type Writable } from 'node:stream';
import { setTimeout as delay } from 'node:timers/promises';
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
  let resized: Promise<void> = Promise.resolve();
  streams.resizes.listen((size) => {
    if (streams.tty) resized = resized.then(() => resizeOnceRunning(() => resize(size), signal));
  });
  // What is typed after a change of size finds it made.
  const typed = new Transform({
    transform(chunk, _encoding, done) {
      resized.then(() => done(null, chunk));
    },
  });
  if (stdin) {
    stdin.pipe(typed).pipe(docker);
    stdin.once('error', () => typed.unpipe(docker));
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
  stdin?.unpipe(typed);
  typed.unpipe(docker);
}

/** Docker knows the command's terminal a moment after it has said that the command runs. */
async function resizeOnceRunning(resize: () => Promise<unknown>, signal: AbortSignal): Promise<void> {
  for (let waitMs = 20; waitMs < 2_000 && !signal.aborted; waitMs *= 2) {
    try {
      await resize();
      return;
    } catch {
      // Not there yet, or gone with the command that has ended: then it is given up.
      await delay(waitMs);
    }
  }
}
