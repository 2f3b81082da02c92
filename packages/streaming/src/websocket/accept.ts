import type { IncomingMessage } from 'node:http';
import type { Duplex } from 'node:stream';
import { type WebSocket, WebSocketServer } from 'ws';
import { refuseUpgrade } from '../http-reply.js';
import { chooseProtocol, offeredWebSocketProtocols } from '../negotiate.js';

/** Accepts a WebSocket upgrade with one of `supported` sub-protocols; undefined when it was refused and answered. */
export function acceptWebSocket(
  req: IncomingMessage,
  socket: Duplex,
  head: Buffer,
  supported: readonly string[],
): Promise<{ ws: WebSocket; protocol: string } | undefined> {
  const offered = offeredWebSocketProtocols(req);
  const protocol = chooseProtocol(offered, supported);
  if (protocol === undefined || (protocol === '' && !supported.includes(''))) {
    const text = `unable to upgrade: unable to negotiate protocol: client supports [${offered.join(' ')}], server accepts [${supported.join(' ')}]\n`;
    refuseUpgrade(socket, 400, text);
    return Promise.resolve(undefined);
  }
  const server = new WebSocketServer({
    noServer: true,
    clientTracking: false,
    perMessageDeflate: false,
  });
  // ws takes sub-protocols that are tokens only, and `SPDY/3.1+portforward.k8s.io` is none: it is kept out of this.
  delete req.headers['sec-websocket-protocol'];
  server.on('headers', (headers) => {
    if (protocol !== '') headers.push(`Sec-WebSocket-Protocol: ${protocol}`);
  });
  return new Promise((resolve) => {
    // ws answers a malformed handshake itself and closes the socket.
    socket.once('close', () => resolve(undefined));
    server.handleUpgrade(req, socket, head, (ws) => resolve({ ws, protocol }));
  });
}
