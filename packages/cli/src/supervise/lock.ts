import { createServer, type Server } from 'node:net';

/** Another process holds the lock. */
export class LockedError extends Error {
  override readonly name = 'LockedError';
}

/**
 * Takes a lock that this process holds until it ends, however it ends: an abstract unix socket, which the kernel frees.
 * One holder a name and network namespace. Throws a LockedError when it is taken.
 */
export function takeLock(name: string): Promise<{ release(): Promise<void> }> {
  const server: Server = createServer((socket) => socket.destroy());
  return new Promise((resolve, reject) => {
    server.once('error', (error: NodeJS.ErrnoException) => {
      reject(error.code === 'EADDRINUSE' ? new LockedError(`${name} is taken by another process`) : error);
    });
    server.listen(`\0${name}`, () =>
      resolve({ release: () => new Promise<void>((done) => server.close(() => done())) }),
    );
  });
}
