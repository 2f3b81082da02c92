import { randomInt } from 'node:crypto';
import { createServer, type ListenOptions, type Server } from 'node:net';

/**
 * Above what services of a machine listen on, below the node ports and the range (32768 and up) out of which the kernel
 * gives a port to whoever asks for any: one of those may be somebody's connection by the time it is listened on.
 */
const ports = { first: 20_000, count: 10_000 };

/**
 * A TCP port of the loopback address that nobody listens on, and no other process gets from here while this one lives,
 * so that what listens there may be ended and started again.
 */
export async function freePort(): Promise<number> {
  for (let tries = 0; tries < 1000; tries++) {
    const port = ports.first + randomInt(ports.count);
    // An abstract unix socket: the kernel frees it when this process ends, however it ends.
    const mark = await listen({ path: `\0kubelab-test-port-${port}` });
    if (!mark) continue;
    mark.unref();
    const probe = await listen({ host: '127.0.0.1', port });
    if (probe) {
      await new Promise((resolve) => probe.close(resolve));
      return port;
    }
    mark.close();
  }
  throw new Error(`no port from ${ports.first} on is free`);
}

/** Resolves to undefined when the address is in use. */
function listen(options: ListenOptions): Promise<Server | undefined> {
  const server = createServer((socket) => socket.destroy());
  return new Promise((resolve, reject) => {
    server.once('error', (error: NodeJS.ErrnoException) =>
      error.code === 'EADDRINUSE' ? resolve(undefined) : reject(error),
    );
    server.listen(options, () => resolve(server));
  });
}
