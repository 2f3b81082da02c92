import { CriError, type ExecRequestOutput, type ExecResponse } from '@kubelab/cri';
import { serveExec } from '@kubelab/streaming';
import { inspectRunning } from '../container/inspect.js';
import type { RuntimeContext } from '../context.js';
import { openExec, waitForExec } from '../docker/exec.js';
import { joinCommand } from './command.js';

/** Prepares a command with streams; it starts when the client collects the URL. */
export async function exec(context: RuntimeContext, request: ExecRequestOutput): Promise<ExecResponse> {
  const { stdin, stdout, stderr, tty, cmd } = request;
  if (cmd.length === 0) throw new CriError('INVALID_ARGUMENT', 'cmd must not be empty');
  if (tty && stderr) throw new CriError('INVALID_ARGUMENT', 'tty and stderr cannot both be true');
  if (!stdin && !stdout && !stderr) {
    throw new CriError('INVALID_ARGUMENT', 'one of stdin, stdout, or stderr must be set');
  }
  const { info } = await inspectRunning(context, request.container_id);
  const url = context.streaming.prepare('exec', (req, socket, head) =>
    serveExec(req, socket, head, { stdin, stdout, stderr, tty }, async (streams) => {
      const running = await openExec(context.docker.open, info.Id, { cmd, stdin, tty });
      await joinCommand(running.stream, streams, (size) => running.resize(size));
      if (streams.signal.aborted) {
        // As with containerd: nobody is left who could end it.
        await running.kill();
        return 0;
      }
      return waitForExec(running);
    }),
  );
  return { url };
}
