import { STATUS_CODES } from 'node:http';
import type { Duplex } from 'node:stream';

/** Header lines in the order to send them; a name may come more than once. */
export type HeaderLines = [name: string, value: string][];

/** The head of an HTTP/1.1 response as it goes over the wire. */
export function responseHead(status: number, headers: HeaderLines): string {
  // A line break in a value would let a peer add headers of its own.
  const lines = headers.map(([name, value]) => `${name}: ${value.replace(/[\r\n]+/g, ' ')}`);
  return `HTTP/1.1 ${[`${status} ${STATUS_CODES[status] ?? 'Unknown'}`, ...lines].join('\r\n')}\r\n\r\n`;
}

/** Answers an upgrade request with a plain response instead, and closes the connection. */
export function refuseUpgrade(socket: Duplex, status: number, body: string, headers: HeaderLines = []): void {
  if (socket.destroyed) return;
  const bytes = Buffer.from(body);
  const typed = headers.some(([name]) => name.toLowerCase() === 'content-type');
  const all: HeaderLines = [
    ...headers,
    ...(typed ? [] : ([['Content-Type', 'text/plain; charset=utf-8']] as HeaderLines)),
    ['Content-Length', String(bytes.length)],
    ['Connection', 'close'],
  ];
  socket.end(Buffer.concat([Buffer.from(responseHead(status, all)), bytes]));
}
