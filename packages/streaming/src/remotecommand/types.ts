import type { Readable, Writable } from 'node:stream';
import type { ResizeQueue } from './resize.js';

/** Which streams a request asks for. With a terminal, stderr is part of stdout. */
export interface StreamOptions {
  stdin: boolean;
  stdout: boolean;
  stderr: boolean;
  tty: boolean;
}

/** The ends of a command's streams a server works with. */
export interface CommandStreams {
  /** Ends when the client closes its stdin, or is gone. */
  stdin?: Readable;
  stdout?: Writable;
  stderr?: Writable;
  tty: boolean;
  /** Terminal sizes the client sends. */
  resizes: ResizeQueue;
  /** Aborted when the client is gone. */
  signal: AbortSignal;
}

/** Runs the command. Resolves to its exit code (nothing counts as 0); rejects when it could not be run. */
export type CommandHandler = (streams: CommandStreams) => Promise<number | void>;

/** Channels of the WebSocket sub-protocols, by number. */
export const channel = { stdin: 0, stdout: 1, stderr: 2, error: 3, resize: 4 } as const;

/** Sub-protocols over SPDY, the best first. The first version never had a name of its own but this. */
export const spdyProtocols = ['v4.channel.k8s.io', 'v3.channel.k8s.io', 'v2.channel.k8s.io', 'channel.k8s.io'] as const;

/** Sub-protocols over WebSocket, the best first; '' is a client that names none. */
export const webSocketProtocols = [
  'v5.channel.k8s.io',
  'v4.channel.k8s.io',
  'v4.base64.channel.k8s.io',
  'channel.k8s.io',
  'base64.channel.k8s.io',
  '',
] as const;

/**
 * Reads the stream options of a query: stdin, stdout, stderr and tty as the API has them, or input, output and error
 * as the kubelet's own paths do. `1` and `true` count as yes.
 */
export function streamOptionsOf(query: URLSearchParams): StreamOptions {
  const is = (...names: string[]) => names.some((name) => ['1', 'true'].includes(query.get(name) ?? ''));
  const tty = is('tty');
  return { stdin: is('stdin', 'input'), stdout: is('stdout', 'output'), stderr: is('stderr', 'error') && !tty, tty };
}
