import { type AddressInfo, createServer, type Socket } from 'node:net';
import type { Handler, Listener } from './listener.js';

const idleMs = 10_000;
const maxConnections = 1000;

/** Answers queries over TCP: two bytes of length before each message, several on a connection (RFC 7766). */
export async function listenTcp(address: string, port: number, handle: Handler): Promise<Listener> {
  const sockets = new Set<Socket>();
  const server = createServer((socket) => {
    sockets.add(socket);
    socket.on('close', () => sockets.delete(socket));
    serve(socket, handle);
  });
  server.maxConnections = maxConnections;
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject);
    server.listen({ host: address, port }, () => resolve());
  });
  return {
    port: (server.address() as AddressInfo).port,
    close: () =>
      new Promise((resolve) => {
        server.close(() => resolve());
        for (const s of sockets) s.destroy();
      }),
  };
}

function serve(socket: Socket, handle: Handler): void {
  let buffered: Buffer = Buffer.alloc(0);
  const family = socket.remoteFamily === 'IPv6' ? '2' : '1';
  socket.setTimeout(idleMs, () => socket.end());
  // The other side went away; 'close' follows.
  socket.on('error', () => undefined);
  socket.on('data', (chunk: Buffer) => {
    buffered = buffered.length === 0 ? chunk : Buffer.concat([buffered, chunk]);
    while (buffered.length >= 2 && buffered.length >= 2 + buffered.readUInt16BE(0)) {
      const end = 2 + buffered.readUInt16BE(0);
      const query = buffered.subarray(2, end);
      buffered = buffered.subarray(end);
      handle(query, 'tcp', family, (answer) => {
        if (!answer || socket.destroyed) return;
        const length = Buffer.alloc(2);
        length.writeUInt16BE(answer.length);
        socket.write(Buffer.concat([length, answer]));
      });
    }
  });
}
