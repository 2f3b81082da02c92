import type { IncomingMessage } from 'node:http';
import type { Duplex } from 'node:stream';
import { isWebSocketRequest } from '../negotiate.js';
import { acceptSpdy } from '../spdy/upgrade.js';
import { acceptWebSocket } from '../websocket/accept.js';
import { serveSpdyCommand } from './serve-spdy.js';
import { serveWebSocketCommand } from './serve-websocket.js';
import { type CommandHandler, type StreamOptions, spdyProtocols, webSocketProtocols } from './types.js';

/**
 * Serves exec or attach on an upgrade request: SPDY/3.1 with v1 to v4 of the remote command protocol, or WebSocket
 * with v5, v4 and the older ones. Answers a request it can't serve itself. Resolves when the command is done and
 * its outcome is sent.
 *
 * @see https://github.com/kubernetes/enhancements/tree/master/keps/sig-api-machinery/4006-transition-spdy-to-websockets
 */
export async function serveCommand(
  req: IncomingMessage,
  socket: Duplex,
  head: Buffer,
  options: StreamOptions,
  handler: CommandHandler,
): Promise<void> {
  if (isWebSocketRequest(req)) {
    const accepted = await acceptWebSocket(req, socket, head, webSocketProtocols);
    if (accepted) await serveWebSocketCommand(accepted.ws, accepted.protocol, options, handler);
    return;
  }
  const accepted = acceptSpdy(req, socket, head, spdyProtocols);
  if (accepted) await serveSpdyCommand(accepted.session, accepted.protocol, options, handler);
}

/** As serveCommand; the handler's exit code reaches the client. */
export const serveExec = serveCommand;

/** As serveCommand, for the streams of a running container. */
export const serveAttach = serveCommand;
