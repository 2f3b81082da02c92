import type { WebSocket } from 'ws';
import { ChannelConnection } from '../websocket/channels.js';
import { ResizeQueue, readResizes } from './resize.js';
import { runCommand } from './run.js';
import { encodeStatus } from './status.js';
import { type CommandHandler, channel, type StreamOptions } from './types.js';

/** Serves one command on an accepted WebSocket. Resolves when the last message has left. */
export async function serveWebSocketCommand(
  ws: WebSocket,
  protocol: string,
  options: StreamOptions,
  handler: CommandHandler,
): Promise<void> {
  const connection = new ChannelConnection(ws, {
    base64: protocol.includes('base64'),
    closeSignal: protocol === 'v5.channel.k8s.io',
  });
  const gone = new AbortController();
  connection.onClose(() => gone.abort());
  const resizes = new ResizeQueue();
  readResizes(connection.reader(channel.resize), resizes);
  const stdin = options.stdin ? connection.reader(channel.stdin) : undefined;
  const stdout = options.stdout ? connection.writer(channel.stdout) : undefined;
  const stderr = options.stderr ? connection.writer(channel.stderr) : undefined;
  // As Kubernetes does: an empty message tells the client that the streams are ready.
  const first = stdout ? channel.stdout : stderr ? channel.stderr : channel.error;
  await send(connection, first, Buffer.alloc(0));
  const outcome = await runCommand(handler, { stdin, stdout, stderr, tty: options.tty, resizes, signal: gone.signal });
  const structured = protocol.startsWith('v');
  const status = encodeStatus(outcome, structured);
  if (status.length > 0) await send(connection, channel.error, status);
  connection.close();
}

/** Sends a message; that the client is gone shows in the connection's close. */
function send(connection: ChannelConnection, to: number, payload: Buffer): Promise<void> {
  return new Promise((resolve) => connection.send(to, payload, () => resolve()));
}
