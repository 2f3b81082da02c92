import type { IncomingMessage } from 'node:http';
import type { Duplex, Readable } from 'node:stream';
import { acceptWebSocket } from './accept.js';

const base64Protocol = 'base64.binary.k8s.io';

/** Sub-protocols of a stream that only flows to the client; without one it is binary. */
export const readerProtocols = ['', 'binary.k8s.io', base64Protocol] as const;

/**
 * Sends all of `source` over a WebSocket, a message a chunk (base64 text in that sub-protocol), then closes. An empty
 * message comes first, so that the client knows at once that the stream is there. Resolves when the connection is over.
 */
export async function serveReader(req: IncomingMessage, socket: Duplex, head: Buffer, source: Readable): Promise<void> {
  const accepted = await acceptWebSocket(req, socket, head, readerProtocols);
  if (!accepted) {
    source.destroy();
    return;
  }
  const { ws, protocol } = accepted;
  const closed = new Promise<void>((resolve) => ws.once('close', () => resolve()));
  ws.once('close', () => source.destroy());
  ws.on('error', () => ws.terminate());
  const text = protocol === base64Protocol;
  const send = (chunk: Buffer) =>
    new Promise<void>((resolve, reject) => {
      const done = (error?: Error | null) => (error ? reject(error) : resolve());
      if (text) ws.send(chunk.toString('base64'), { binary: false }, done);
      else ws.send(chunk, { binary: true }, done);
    });
  try {
    await send(Buffer.alloc(0));
    for await (const chunk of source) await send(chunk as Buffer);
    ws.close(1000);
  } catch {
    // The client or the source broke off: there is nobody to tell.
    ws.terminate();
  }
  await closed;
}
