import { request as httpRequest, type IncomingMessage, type RequestOptions } from 'node:http';
import { request as httpsRequest } from 'node:https';
import type { Duplex } from 'node:stream';
import type { ConnectionOptions } from 'node:tls';
import { type HeaderLines, refuseUpgrade, responseHead } from '../http-reply.js';
import { chooseProtocol, isSpdyRequest, offeredStreamProtocols, streamProtocolHeader } from '../negotiate.js';
import { SpdySession } from './session.js';

/** Accepts a SPDY/3.1 upgrade with one of `supported` sub-protocols; undefined when it was refused and answered. */
export function acceptSpdy(
  req: IncomingMessage,
  socket: Duplex,
  head: Buffer,
  supported: readonly string[],
): { session: SpdySession; protocol: string } | undefined {
  if (!isSpdyRequest(req)) {
    refuseUpgrade(socket, 400, `unable to upgrade: missing upgrade headers in request: ${req.headers.upgrade ?? ''}\n`);
    return undefined;
  }
  const offered = offeredStreamProtocols(req);
  const protocol = chooseProtocol(offered, supported);
  if (protocol === undefined) {
    const accepted: HeaderLines = supported.map((name) => ['X-Accepted-Stream-Protocol-Versions', name]);
    const text = `unable to upgrade: unable to negotiate protocol: client supports [${offered.join(' ')}], server accepts [${supported.join(' ')}]\n`;
    refuseUpgrade(socket, 403, text, accepted);
    return undefined;
  }
  const lines: HeaderLines = [
    ['Connection', 'Upgrade'],
    ['Upgrade', 'SPDY/3.1'],
  ];
  if (protocol !== '') lines.push([streamProtocolHeader, protocol]);
  socket.write(responseHead(101, lines));
  return { session: new SpdySession(socket, 'server', head), protocol };
}

export interface DialSpdyOptions {
  method?: 'GET' | 'POST';
  /** Sub-protocols, the best first. */
  protocols: string[];
  headers?: Record<string, string>;
  tls?: ConnectionOptions;
  /** Talk to this unix socket instead of the URL's host. */
  socketPath?: string;
}

/** The server answered an upgrade request with an ordinary response. */
export class UpgradeRefusedError extends Error {
  override readonly name = 'UpgradeRefusedError';

  constructor(
    readonly statusCode: number,
    readonly body: string,
  ) {
    super(`unable to upgrade connection: ${statusCode}: ${body.trim()}`);
  }
}

/** Opens a SPDY/3.1 connection as kubectl does. Rejects with UpgradeRefusedError or the connection's error. */
export function dialSpdy(url: URL, options: DialSpdyOptions): Promise<{ session: SpdySession; protocol: string }> {
  return new Promise((resolve, reject) => {
    const common: RequestOptions = {
      method: options.method ?? 'POST',
      path: url.pathname + url.search,
      agent: false,
      headers: {
        ...options.headers,
        host: url.host || 'localhost',
        connection: 'Upgrade',
        upgrade: 'SPDY/3.1',
        [streamProtocolHeader]: options.protocols,
        'content-length': '0',
      },
      ...(options.socketPath
        ? { socketPath: options.socketPath }
        : { hostname: url.hostname.replace(/^\[|\]$/g, ''), port: url.port || undefined }),
    };
    const call = url.protocol === 'https:' ? httpsRequest({ ...options.tls, ...common }) : httpRequest(common);
    call.once('upgrade', (res, socket, head) => {
      const protocol = [res.headers[streamProtocolHeader.toLowerCase()] ?? ''].flat()[0] ?? '';
      resolve({ session: new SpdySession(socket, 'client', head), protocol });
    });
    call.once('response', async (res) => {
      let body = '';
      for await (const chunk of res) body += String(chunk);
      reject(new UpgradeRefusedError(res.statusCode ?? 0, body));
    });
    call.once('error', reject);
    call.end();
  });
}
