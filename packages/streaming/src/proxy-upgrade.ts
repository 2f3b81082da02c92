import { type ClientRequest, request as httpRequest, type IncomingMessage, type RequestOptions } from 'node:http';
import { request as httpsRequest } from 'node:https';
import type { Duplex } from 'node:stream';
import type { ConnectionOptions } from 'node:tls';
import { type HeaderLines, refuseUpgrade, responseHead } from './http-reply.js';

export interface ProxyUpgradeOptions {
  /** For https targets: CA, client certificate, server name. */
  tls?: ConnectionOptions;
  /** Talk to this unix socket instead of the target's host. */
  socketPath?: string;
  /** Request headers (lower case) kept back; default the caller's credentials. */
  dropHeaders?: string[];
  /** Headers added to, or replacing, those of the request. */
  headers?: Record<string, string>;
  /** Milliseconds the target has to answer the handshake. Default 30 s. */
  timeoutMs?: number;
  /** Body and type of the answer when the target can't be reached; default is a text. */
  onDialError?(error: Error): { status: number; body: string; headers?: HeaderLines };
  /** Told once the target has switched protocols. */
  onUpgraded?(protocol: string): void;
  /** Ends the proxied connection. */
  signal?: AbortSignal;
}

/** What belongs to one hop only, or speaks for the caller towards this hop only. */
const callerCredentials = ['authorization', 'cookie', 'x-remote-user', 'x-remote-group'];

/**
 * Passes an upgrade request (exec, attach, port-forward, proxy; SPDY or WebSocket) on to `target` and, once that has
 * switched protocols, joins the two connections byte for byte. Any other answer of the target goes back as it is.
 * Resolves when both connections are closed; never rejects: failures are answered to the caller with 502.
 *
 * @param head bytes the caller sent behind its request, as given by the `upgrade` event
 */
export function proxyUpgrade(
  req: IncomingMessage,
  socket: Duplex,
  head: Buffer,
  target: URL,
  options: ProxyUpgradeOptions = {},
): Promise<void> {
  return new Promise((resolve) => {
    const upstream = openUpstream(req, target, options);
    const abort = () => {
      upstream.destroy();
      socket.destroy();
    };
    options.signal?.addEventListener('abort', abort, { once: true });
    const finish = () => {
      options.signal?.removeEventListener('abort', abort);
      resolve();
    };
    socket.once('close', () => upstream.destroy());
    socket.on('error', () => upstream.destroy());

    upstream.once('upgrade', (res, upstreamSocket, upstreamHead) => {
      upstream.setTimeout(0);
      upstreamSocket.setTimeout(0);
      options.onUpgraded?.(res.headers.upgrade ?? '');
      socket.write(responseHead(101, headerLines(res, [])));
      if (upstreamHead.length > 0) socket.write(upstreamHead);
      if (head.length > 0) upstreamSocket.write(head);
      joinConnections(socket, upstreamSocket, finish);
    });
    upstream.once('response', (res) => {
      const hopByHop = ['connection', 'transfer-encoding', 'keep-alive'];
      const lines: HeaderLines = [...headerLines(res, hopByHop), ['Connection', 'close']];
      socket.write(responseHead(res.statusCode ?? 502, lines));
      res.pipe(socket);
      res.once('error', () => socket.destroy());
      socket.once('close', finish);
    });
    upstream.once('timeout', () => upstream.destroy(new Error('timed out waiting for the upgrade')));
    upstream.once('error', (error) => {
      const answer = options.onDialError?.(error) ?? {
        status: 502,
        body: `error dialing backend: ${error.message}`,
        headers: undefined,
      };
      refuseUpgrade(socket, answer.status, answer.body, answer.headers);
      finish();
    });
    upstream.end();
  });
}

function openUpstream(req: IncomingMessage, target: URL, options: ProxyUpgradeOptions): ClientRequest {
  const drop = new Set(options.dropHeaders ?? callerCredentials);
  const headers: string[] = [];
  const added = new Map(Object.entries(options.headers ?? {}).map(([k, v]) => [k.toLowerCase(), v]));
  for (let i = 0; i + 1 < req.rawHeaders.length; i += 2) {
    const name = req.rawHeaders[i] ?? '';
    const lower = name.toLowerCase();
    if (lower === 'host' || drop.has(lower) || lower.startsWith('x-remote-extra-') || added.has(lower)) continue;
    headers.push(name, req.rawHeaders[i + 1] ?? '');
  }
  headers.push('Host', target.host || 'localhost');
  for (const [name, value] of added) headers.push(name, value);
  const common: RequestOptions = {
    method: req.method,
    path: target.pathname + target.search,
    headers,
    agent: false,
    timeout: options.timeoutMs ?? 30_000,
    ...(options.socketPath
      ? { socketPath: options.socketPath }
      : { hostname: target.hostname.replace(/^\[|\]$/g, ''), port: target.port || undefined }),
  };
  return target.protocol === 'https:' ? httpsRequest({ ...options.tls, ...common }) : httpRequest(common);
}

/** Pipes both ways, passes half-closes on, and tears both down as soon as one is gone. */
export function joinConnections(a: Duplex, b: Duplex, onClose: () => void): void {
  let open = 2;
  const closed = (other: Duplex) => () => {
    if (!other.destroyed) other.end(() => other.destroy());
    open -= 1;
    if (open === 0) onClose();
  };
  a.once('close', closed(b));
  b.once('close', closed(a));
  // 'close' follows; without a listener a reset connection would end the process.
  a.on('error', () => a.destroy());
  b.on('error', () => b.destroy());
  a.pipe(b);
  b.pipe(a);
  if (a.destroyed) a.emit('close');
}

function headerLines(res: IncomingMessage, drop: string[]): HeaderLines {
  const lines: HeaderLines = [];
  for (let i = 0; i + 1 < res.rawHeaders.length; i += 2) {
    const name = res.rawHeaders[i] ?? '';
    if (!drop.includes(name.toLowerCase())) lines.push([name, res.rawHeaders[i + 1] ?? '']);
  }
  return lines;
}
