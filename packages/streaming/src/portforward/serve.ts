import type { IncomingMessage } from 'node:http';
import type { Duplex } from 'node:stream';
import { createWebSocketStream } from 'ws';
import { isWebSocketRequest } from '../negotiate.js';
import { SpdySession } from '../spdy/session.js';
import { acceptSpdy } from '../spdy/upgrade.js';
import { acceptWebSocket } from '../websocket/accept.js';
import { ChannelConnection } from '../websocket/channels.js';
import { serveSpdyForward } from './serve-spdy.js';
import { serveChannelForward } from './serve-websocket.js';
import type { PortForwardHandler } from './types.js';

/** The SPDY sub-protocol. */
export const portForwardProtocol = 'portforward.k8s.io';

/** SPDY carried in the messages of a WebSocket (kubectl's port-forward since 1.31). */
export const tunnelProtocol = `SPDY/3.1+${portForwardProtocol}`;

/**
 * Serves port-forward on an upgrade request: SPDY/3.1, SPDY tunnelled through a WebSocket, or the older WebSocket
 * channels for the `ports` asked for in the query. Resolves when the connection is closed.
 */
export async function servePortForward(
  req: IncomingMessage,
  socket: Duplex,
  head: Buffer,
  handler: PortForwardHandler,
  ports: number[] = portsOf(req),
): Promise<void> {
  if (!isWebSocketRequest(req)) {
    const accepted = acceptSpdy(req, socket, head, [portForwardProtocol]);
    if (accepted) await serveSpdyForward(accepted.session, handler);
    return;
  }
  const protocols = [tunnelProtocol, 'v4.channel.k8s.io', 'v4.base64.channel.k8s.io', ''];
  const accepted = await acceptWebSocket(req, socket, head, protocols);
  if (!accepted) return;
  const { ws, protocol } = accepted;
  if (protocol === tunnelProtocol) {
    await serveSpdyForward(new SpdySession(createWebSocketStream(ws), 'server'), handler);
    return;
  }
  const connection = new ChannelConnection(ws, { base64: protocol.includes('base64'), closeSignal: false });
  await serveChannelForward(connection, ports, handler);
}

/** The ports of a query: `port` or `ports`, repeated or comma-separated. */
export function portsOf(req: IncomingMessage): number[] {
  const query = new URL(req.url ?? '/', 'http://localhost').searchParams;
  return [...query.getAll('port'), ...query.getAll('ports')]
    .flatMap((value) => value.split(','))
    .map(Number)
    .filter((port) => Number.isInteger(port) && port > 0 && port < 65536);
}
