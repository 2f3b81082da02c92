import { createSocket, type Socket } from 'node:dgram';
import type { AddressInfo } from 'node:net';
import { isIPv6 } from 'node:net';
import type { Handler, Listener } from './listener.js';

/** Answers queries over UDP. Rejects if the address can't be bound. */
export async function listenUdp(address: string, port: number, handle: Handler): Promise<Listener> {
  const v6 = isIPv6(address);
  const socket: Socket = createSocket({ type: v6 ? 'udp6' : 'udp4', ipv6Only: v6, recvBufferSize: 4 << 20 });
  let pending = 0;
  let isClosing = false;
  let onIdle: () => void = () => undefined;
  const settle = () => {
    pending--;
    if (isClosing && pending === 0) onIdle();
  };
  socket.on('message', (query, peer) => {
    if (isClosing) return;
    pending++;
    handle(query, 'udp', v6 ? '2' : '1', (answer) => {
      // A client that is gone, or a full buffer: it asks again.
      if (answer) socket.send(answer, peer.port, peer.address, settle);
      else settle();
    });
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
    async close() {
      isClosing = true;
      if (pending > 0) await new Promise<void>((resolve) => (onIdle = resolve));
      await new Promise<void>((resolve) => socket.close(() => resolve()));
    },
  };
}
