import { createSocket, type Socket } from 'node:dgram';
import type { AddressInfo } from 'node:net';
import { isIPv6 } from 'node:net';
import type { Handler, Listener } from './listener.js';

/** Answers queries over UDP. Rejects if the address can't be bound. */
export async function listenUdp(address: string, port: number, handle: Handler): Promise<Listener> {
  const v6 = isIPv6(address);
  const socket: Socket = createSocket({ type: v6 ? 'udp6' : 'udp4', recvBufferSize: 4 << 20 });
  socket.on('message', (query, peer) => {
    const send = (answer: Buffer | undefined) => {
      if (!answer) return;
      // A client that is gone, or a full buffer: it asks again.
      socket.send(answer, peer.port, peer.address, () => undefined);
    };
    handle(query, 'udp', peer.family === 'IPv6' ? '2' : '1', send);
  });
  await new Promise<void>((resolve, reject) => {
    socket.once('error', reject);
    socket.bind({ address, port }, () => {
      socket.off('error', reject);
      resolve();
    });
  });
  socket.on('error', () => undefined);
  return {
    port: (socket.address() as AddressInfo).port,
    close: () => new Promise((resolve) => socket.close(() => resolve())),
  };
}
