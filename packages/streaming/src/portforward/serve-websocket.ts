import { Duplex } from 'node:stream';
import type { ChannelConnection } from '../websocket/channels.js';
import type { PortForwardHandler } from './types.js';

/**
 * The WebSocket channels of old: for the n-th port, channel 2n carries data and 2n+1 errors, and each begins with the
 * port as two bytes, little-endian. Resolves when the client is gone.
 */
export function serveChannelForward(
  connection: ChannelConnection,
  ports: number[],
  handler: PortForwardHandler,
): Promise<void> {
  const gone = new AbortController();
  for (const [index, port] of ports.entries()) {
    const data = Duplex.from({ readable: connection.reader(2 * index), writable: connection.writer(2 * index) });
    const errors = connection.writer(2 * index + 1);
    data.on('error', () => data.destroy());
    errors.on('error', () => errors.destroy());
    const announcement = Buffer.alloc(2);
    announcement.writeUInt16LE(port);
    data.write(announcement);
    errors.write(announcement);
    handler(port, data, gone.signal).catch((cause: unknown) => {
      errors.write(cause instanceof Error ? cause.message : String(cause));
    });
  }
  return new Promise((resolve) => {
    connection.onClose(() => {
      gone.abort();
      resolve();
    });
  });
}
