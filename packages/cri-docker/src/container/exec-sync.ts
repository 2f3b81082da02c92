import { CriError, type ExecSyncRequestOutput, type ExecSyncResponse } from '@kubelab/cri';
import type { RuntimeContext } from '../context.js';
import { openExec, waitForExec } from '../docker/exec.js';
import { inspectRunning } from './inspect.js';

/** As in containerd: what a command writes beyond this is read and dropped. */
const maxOutputBytes = 16 * 1024 * 1024;

class Output {
  readonly #parts: Buffer[] = [];
  #size = 0;

  push(chunk: Buffer): void {
    const part = chunk.subarray(0, maxOutputBytes - this.#size);
    this.#size += part.length;
    if (part.length > 0) this.#parts.push(Buffer.from(part));
  }

  bytes(): Buffer {
    return Buffer.concat(this.#parts);
  }
}

/** Runs a command in a container and returns its output. DEADLINE_EXCEEDED, and the command killed, after the timeout. */
export async function execSync(
  context: RuntimeContext,
  request: ExecSyncRequestOutput,
  signal: AbortSignal,
): Promise<ExecSyncResponse> {
  if (request.cmd.length === 0) throw new CriError('INVALID_ARGUMENT', 'cmd must not be empty');
  const { info } = await inspectRunning(context, request.container_id);
  const output = { stdout: new Output(), stderr: new Output() };
  const exec = await openExec(context.docker.open, info.Id, { cmd: request.cmd, stdin: false, tty: false });
  const ended = exec.pipeOutput((stream, chunk) => {
    output[stream].push(chunk);
    return true;
  });
  const timedOut = request.timeout > 0 ? AbortSignal.timeout(request.timeout * 1000) : undefined;
  const stop = timedOut ? AbortSignal.any([signal, timedOut]) : signal;
  const stopped = new Promise<'stopped'>((resolve) => {
    if (stop.aborted) resolve('stopped');
    stop.addEventListener('abort', () => resolve('stopped'), { once: true });
  });
  if ((await Promise.race([ended, stopped])) === 'stopped') {
    await exec.kill();
    throw timedOut?.aborted
      ? new CriError('DEADLINE_EXCEEDED', `command "${request.cmd.join(' ')}" timed out after ${request.timeout}s`)
      : new CriError('CANCELLED', 'the caller is gone');
  }
  const exitCode = await waitForExec(exec);
  const stdout = output.stdout.bytes();
  const failure = exec.startFailure(exitCode, stdout);
  if (failure) throw new CriError('UNKNOWN', failure);
  return { stdout, stderr: output.stderr.bytes(), exit_code: exitCode };
}
