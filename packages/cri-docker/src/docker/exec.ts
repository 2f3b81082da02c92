import type { Duplex } from 'node:stream';
import { setTimeout as delay } from 'node:timers/promises';
import type Docker from 'dockerode';
import { Demux } from './demux.js';
import { toCriError } from './errors.js';
import { killTree } from './kill-tree.js';

export interface ExecWish {
  cmd: string[];
  stdin: boolean;
  tty: boolean;
}

/** Called with each piece of output; false stops reading until resume() of the stream. */
export type OutputSink = (stream: 'stdout' | 'stderr', chunk: Buffer) => boolean;

/** A command that runs in a container. */
export interface RunningExec {
  /** Docker's connection: what is written is the command's stdin. */
  stream: Duplex;
  /** Hands the output on until it ends. */
  pipeOutput(sink: OutputSink): Promise<void>;
  resize(size: { width: number; height: number }): Promise<void>;
  inspect(): Promise<Docker.ExecInspectInfo>;
  /** Ends the command and all it started. */
  kill(): Promise<void>;
  /** Why the command could not be started, if that is what the exit code and output mean. */
  startFailure(exitCode: number, stdout: Buffer): string | undefined;
}

/** Keys nobody types: Docker's own ctrl-p ctrl-q would swallow ctrl-p in every shell and editor. */
export const detachKeys = 'ctrl-@,ctrl-],ctrl-@,ctrl-]';

/** Starts a command in a container. Throws a CriError. */
export async function openExec(docker: Docker, containerId: string, wish: ExecWish): Promise<RunningExec> {
  try {
    const exec = await docker.getContainer(containerId).exec({
      Cmd: wish.cmd,
      AttachStdin: wish.stdin,
      AttachStdout: true,
      AttachStderr: !wish.tty,
      Tty: wish.tty,
      DetachKeys: detachKeys,
    });
    const stream = await exec.start({ hijack: true, stdin: wish.stdin, Tty: wish.tty });
    return {
      stream,
      pipeOutput: (sink) => pipeOutput(stream, wish.tty, sink),
      resize: (size) => exec.resize({ w: size.width, h: size.height }),
      inspect: () => exec.inspect(),
      kill: async () => {
        const pid = await pidOf(exec);
        if (pid !== undefined) await killTree(pid);
        stream.destroy();
      },
      startFailure,
    };
  } catch (error) {
    throw toCriError(error, `exec in container ${containerId}`);
  }
}

/**
 * The command's process as the host sees it, undefined when it has ended. Docker notes it a moment after the command
 * has begun to run, on a busy machine even after its first output.
 */
async function pidOf(exec: Pick<Docker.Exec, 'inspect'>): Promise<number | undefined> {
  for (let waitMs = 5; ; waitMs = Math.min(waitMs * 2, 1000)) {
    const { Running, Pid, ExitCode } = await exec.inspect();
    if (Running && Pid > 0) return Pid;
    if (!Running && ExitCode !== null) return undefined;
    await delay(waitMs);
  }
}

/** The exit code. Docker ends the output a moment before it has noted the code. */
export async function waitForExec(exec: RunningExec): Promise<number> {
  for (let waitMs = 5; ; waitMs = Math.min(waitMs * 2, 1000)) {
    const { Running, ExitCode } = await exec.inspect();
    if (!Running && ExitCode !== null) return ExitCode;
    await delay(waitMs);
  }
}

/** Hands a Docker stream's output on until its end; `sink` may hold it up. */
export function pipeOutput(stream: Duplex, tty: boolean, sink: OutputSink): Promise<void> {
  const take: OutputSink = (name, chunk) => {
    const more = sink(name, chunk);
    if (!more) stream.pause();
    return more;
  };
  const demux = new Demux(take);
  stream.on('data', (chunk: Buffer) => (tty ? take('stdout', chunk) : demux.push(chunk)));
  return new Promise((resolve) => {
    stream.once('end', resolve);
    stream.once('close', resolve);
    stream.on('error', () => stream.destroy());
  });
}

/** Docker reports a command that can't be started in its output, with the shell's codes for it. */
function startFailure(exitCode: number, stdout: Buffer): string | undefined {
  if (exitCode !== 126 && exitCode !== 127) return undefined;
  const text = stdout.toString('utf8', 0, 4096);
  return /^OCI runtime exec failed/.test(text) ? text.trim() : undefined;
}
