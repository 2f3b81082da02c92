import { createServer, type Server } from 'node:https';
import type { AddressInfo } from 'node:net';
import type { RequestChain } from './chain.js';

export interface HttpsServerOptions {
  bindAddress: string;
  port: number;
  cert: Buffer;
  key: Buffer;
  /** Authorities that client certificates are asked for from; none means that none are asked for. */
  clientCaPem: string;
}

/** Clients keep idle connections for 90 s (Go's default): the server must not close one that is about to be used. */
const keepAliveMs = 120_000;

/** As Go's servers: `kubectl exec` puts a command into the path, however long it is. */
const maxHeaderBytes = 1 << 20;

/**
 * After these nobody waits for an answer: the client is gone, or has opened a connection ahead of time and not used it;
 * an answer would be one to a request that was never made.
 */
const silentErrors = new Set(['ECONNRESET', 'HPE_INVALID_EOF_STATE', 'ERR_HTTP_REQUEST_TIMEOUT']);

/** Starts serving TLS. Rejects when the address cannot be bound. */
export async function listen(
  options: HttpsServerOptions,
  chain: RequestChain,
): Promise<{ server: Server; port: number }> {
  const server = createServer(
    {
      cert: options.cert,
      key: options.key,
      // Asked for, not demanded: others authenticate by token, or not at all. What is presented is checked by the chain.
      requestCert: options.clientCaPem !== '',
      rejectUnauthorized: false,
      ...(options.clientCaPem ? { ca: options.clientCaPem } : {}),
      minVersion: 'TLSv1.2',
      keepAliveTimeout: keepAliveMs,
      headersTimeout: 60_000,
      requestTimeout: 0,
      maxHeaderSize: maxHeaderBytes,
      noDelay: true,
    },
    (req, res) => {
      void chain.handle(req, res);
    },
  );
  server.on('upgrade', (req, socket, head) => {
    void chain.handleUpgrade(req, socket, head);
  });
  // A client that breaks the handshake or the protocol is its own problem.
  server.on('tlsClientError', (_error, socket) => socket.destroy());
  server.on('clientError', (error: NodeJS.ErrnoException, socket) => {
    if (socket.writable && !silentErrors.has(error.code ?? '')) {
      const code = error.code === 'HPE_HEADER_OVERFLOW' ? '431 Request Header Fields Too Large' : '400 Bad Request';
      socket.end(`HTTP/1.1 ${code}\r\nConnection: close\r\n\r\n`);
    } else {
      socket.destroy();
    }
  });
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject);
    server.listen({ host: options.bindAddress, port: options.port, backlog: 4096 }, resolve);
  });
  return { server, port: (server.address() as AddressInfo).port };
}
