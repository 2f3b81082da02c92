import type { Readable, Writable } from 'node:stream';
import { type DialSpdyOptions, dialSpdy } from '../spdy/upgrade.js';
import type { TerminalSize } from './resize.js';
import { decodeStatus } from './status.js';
import { type StreamOptions, spdyProtocols } from './types.js';

/** A command running on the other side. */
export interface RemoteCommand {
  /** The sub-protocol the server chose. */
  protocol: string;
  stdin?: Writable;
  stdout?: Readable;
  stderr?: Readable;
  resize(size: TerminalSize): void;
  /** The exit code; rejects with the server's message, or when the connection breaks. Read the output meanwhile. */
  exitCode: Promise<number>;
  close(): void;
}

/** Runs exec or attach over SPDY/3.1 as kubectl does. Rejects when the server refuses the upgrade. */
export async function connectCommand(
  url: URL,
  options: StreamOptions,
  dial: Partial<DialSpdyOptions> = {},
): Promise<RemoteCommand> {
  const { session, protocol } = await dialSpdy(url, { protocols: [...spdyProtocols], ...dial });
  const structured = protocol === 'v4.channel.k8s.io';
  const error = session.open({ streamtype: ['error'] });
  const open = (type: string) => session.open({ streamtype: [type] });
  const stdin = options.stdin ? open('stdin') : undefined;
  const stdout = options.stdout ? open('stdout') : undefined;
  const stderr = options.stderr && !options.tty ? open('stderr') : undefined;
  const resizable = options.tty && (structured || protocol === 'v3.channel.k8s.io');
  const resize = resizable ? open('resize') : undefined;
  for (const stream of [stdin, stdout, stderr, resize]) stream?.on('error', () => stream.destroy());
  stdout?.end();
  stderr?.end();
  error.end();
  return {
    protocol,
    stdin,
    stdout,
    stderr,
    resize: (size) => resize?.write(`${JSON.stringify({ Width: size.width, Height: size.height })}\n`),
    exitCode: readStatus(error, structured),
    close: () => session.close(),
  };
}

async function readStatus(stream: Readable, structured: boolean): Promise<number> {
  const parts: Buffer[] = [];
  for await (const chunk of stream) parts.push(chunk as Buffer);
  const bytes = Buffer.concat(parts);
  if (structured && bytes.length === 0) throw new Error('connection closed before the command’s status arrived');
  return decodeStatus(bytes, structured);
}
