import type { Duplex } from 'node:stream';
import { type AttachRequestOutput, type AttachResponse, CriError } from '@kubelab/cri';
import { serveAttach } from '@kubelab/streaming';
import { inspectRunning } from '../container/inspect.js';
import type { RuntimeContext } from '../context.js';
import { toCriError } from '../docker/errors.js';
import { detachKeys } from '../docker/exec.js';
import { joinCommand } from './command.js';

/** Prepares joining the streams of a container's own process. */
export async function attach(context: RuntimeContext, request: AttachRequestOutput): Promise<AttachResponse> {
  const { stdin, stdout, stderr, tty } = request;
  if (tty && stderr) throw new CriError('INVALID_ARGUMENT', 'tty and stderr cannot both be true');
  if (!stdin && !stdout && !stderr) {
    throw new CriError('INVALID_ARGUMENT', 'one of stdin, stdout, or stderr must be set');
  }
  const { info } = await inspectRunning(context, request.container_id);
  const container = context.docker.open.getContainer(info.Id);
  const url = context.streaming.prepare('attach', (req, socket, head) =>
    serveAttach(req, socket, head, { stdin, stdout, stderr, tty }, async (streams) => {
      try {
        // The hijacked connection is a socket.
        const stream = (await container.attach({
          stream: true,
          hijack: true,
          stdin,
          stdout,
          stderr: stderr || tty,
          logs: false,
          detachKeys,
        })) as Duplex;
        // What Docker sends is framed by how the container was made, whatever the client asks for. The end of the
        // client's stdin ends the container's if it is for one client only; else Docker ends this connection alone.
        await joinCommand(stream, { ...streams, tty: info.Config.Tty }, (size) =>
          container.resize({ w: size.width, h: size.height }),
        );
        stream.destroy();
      } catch (error) {
        throw toCriError(error, `attach to container ${info.Id}`);
      }
    }),
  );
  return { url };
}
