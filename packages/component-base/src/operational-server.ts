import { createServer as createHttpServer, type IncomingMessage, type ServerResponse } from 'node:http';
import { createServer as createHttpsServer } from 'node:https';
import type { AddressInfo } from 'node:net';
import type { Registry } from 'prom-client';
import type { HealthRegistry } from './health.js';
import type { Logger } from './logger.js';

export interface OperationalServerOptions {
  bindAddress: string;
  /** 0 takes a free port. */
  port: number;
  /** PEM; plain HTTP without it. */
  tls?: { cert: string | Buffer; key: string | Buffer };
  health: HealthRegistry;
  metrics: Registry;
  logger: Logger;
  /** Further paths that are answered with a text: path to text. */
  texts?: Record<string, string>;
  /** Decides about every path but the health paths, which are open as in Kubernetes. Default: all allowed. */
  authorize?(req: IncomingMessage): Promise<boolean>;
}

export interface OperationalServer {
  port: number;
  close(): Promise<void>;
}

/** Serves /healthz, /livez, /readyz and /metrics of a process. Rejects when the address cannot be bound. */
export async function serveOperational(options: OperationalServerOptions): Promise<OperationalServer> {
  const listener = (req: IncomingMessage, res: ServerResponse) => {
    serve(options, req, res).catch((error) => {
      options.logger.error('Operational request failed', { path: req.url, error });
      if (!res.headersSent) {
        res.writeHead(500);
      }
      res.end();
    });
  };
  const server = options.tls ? createHttpsServer(options.tls, listener) : createHttpServer(listener);
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject);
    server.listen(options.port, options.bindAddress, resolve);
  });
  return {
    port: (server.address() as AddressInfo).port,
    close: () =>
      new Promise((resolve) => {
        server.close(() => resolve());
        server.closeAllConnections();
      }),
  };
}

async function serve(options: OperationalServerOptions, req: IncomingMessage, res: ServerResponse): Promise<void> {
  if (await options.health.handle(req, res)) {
    return;
  }
  if (options.authorize && !(await options.authorize(req))) {
    res.writeHead(401, { 'Content-Type': 'text/plain' }).end('Unauthorized\n');
    return;
  }
  const path = (req.url ?? '/').split('?', 1)[0];
  const text = options.texts?.[path ?? ''];
  if (text !== undefined) {
    res.writeHead(200, { 'Content-Type': 'text/plain; charset=utf-8' }).end(text);
    return;
  }
  if (path !== '/metrics') {
    res.writeHead(404, { 'Content-Type': 'text/plain' }).end('404 page not found\n');
    return;
  }
  const body = await options.metrics.metrics();
  res.writeHead(200, { 'Content-Type': options.metrics.contentType }).end(body);
}
