import type { IncomingMessage } from 'node:http';

/** Header in which SPDY clients offer sub-protocols, and servers name their choice. */
export const streamProtocolHeader = 'X-Stream-Protocol-Version';

/** Whether a request asks for a WebSocket (as opposed to SPDY/3.1). */
export function isWebSocketRequest(req: IncomingMessage): boolean {
  return (req.headers.upgrade ?? '').toLowerCase() === 'websocket';
}

/** Whether a request asks for SPDY/3.1. */
export function isSpdyRequest(req: IncomingMessage): boolean {
  return (req.headers.upgrade ?? '').toLowerCase() === 'spdy/3.1';
}

/** The sub-protocols a SPDY client offers; several header lines and comma-separated lists both count. */
export function offeredStreamProtocols(req: IncomingMessage): string[] {
  return split(req.headers[streamProtocolHeader.toLowerCase()]);
}

/** The sub-protocols a WebSocket client offers. */
export function offeredWebSocketProtocols(req: IncomingMessage): string[] {
  return split(req.headers['sec-websocket-protocol']);
}

/**
 * The first of ours that the client offers. A client that offers none gets '' : the protocol from before there were
 * versions. Undefined when nothing matches.
 */
export function chooseProtocol(offered: string[], supported: readonly string[]): string | undefined {
  if (offered.length === 0) return '';
  return supported.find((protocol) => offered.includes(protocol));
}

function split(value: string | string[] | undefined): string[] {
  return [value ?? []]
    .flat()
    .flatMap((line) => line.split(','))
    .map((part) => part.trim())
    .filter((part) => part !== '');
}
