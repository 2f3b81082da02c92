import type { IncomingMessage, ServerResponse } from 'node:http';
import { createServer, type Server } from 'node:https';
import type { AddressInfo } from 'node:net';
import type { Duplex } from 'node:stream';
import type { HealthRegistry, Logger } from '@kubelab/component-base';
import { refuseUpgrade } from '@kubelab/streaming';
import { type ServerAuth, verbOf } from './auth.js';

/** What a handler gets. */
export interface ServerRequest {
  req: IncomingMessage;
  url: URL;
  /** Path segments behind the route's own. */
  parts: string[];
  signal: AbortSignal;
}

export type RequestHandler = (request: ServerRequest, res: ServerResponse) => Promise<void> | void;
export type UpgradeHandler = (request: ServerRequest, socket: Duplex, head: Buffer) => Promise<void>;

export interface Route {
  /** First path segments: `/containerLogs`. */
  prefix: string;
  methods: string[];
  handle?: RequestHandler;
  upgrade?: UpgradeHandler;
}

/** An answer other than 200, thrown by handlers. */
export class HttpError extends Error {
  override readonly name = 'HttpError';
  constructor(
    readonly status: number,
    message: string,
  ) {
    super(message);
  }
}

export interface KubeletServerOptions {
  address: string;
  port: number;
  tls: { cert: string; key: string };
  /** PEM of the authorities of client certificates; none are taken without it. */
  clientCa: string | undefined;
  auth: ServerAuth;
  health: HealthRegistry;
  logger: Logger;
  routes: Route[];
}

/** The kubelet's own HTTPS server. Every request is authenticated and authorized. */
export class KubeletServer {
  private readonly server: Server;
  private readonly stopping = new AbortController();
  private readonly upgraded = new Set<Duplex>();

  constructor(private readonly options: KubeletServerOptions) {
    this.server = createServer({
      ...options.tls,
      ca: options.clientCa,
      requestCert: options.clientCa !== undefined,
      rejectUnauthorized: false,
      // As Go's servers: commands to execute come in the path.
      maxHeaderSize: 1 << 20,
    });
    // Follows and streams may be silent for as long as they like.
    this.server.requestTimeout = 0;
    this.server.on('request', (req, res) => this.onRequest(req, res));
    this.server.on('upgrade', (req, socket, head) => this.onUpgrade(req, socket, head));
  }

  async listen(): Promise<number> {
    await new Promise<void>((resolve, reject) => {
      this.server.once('error', reject);
      this.server.listen(this.options.port, this.options.address, resolve);
    });
    return (this.server.address() as AddressInfo).port;
  }

  /** Takes another serving certificate into use. */
  setCertificate(tls: { cert: string; key: string }): void {
    this.server.setSecureContext({ ...tls, ca: this.options.clientCa });
  }

  close(): Promise<void> {
    this.stopping.abort();
    for (const socket of this.upgraded) socket.destroy();
    return new Promise((resolve) => {
      this.server.close(() => resolve());
      this.server.closeAllConnections();
    });
  }

  private async onRequest(req: IncomingMessage, res: ServerResponse): Promise<void> {
    const gone = new AbortController();
    res.on('close', () => gone.abort());
    try {
      const url = new URL(req.url ?? '/', 'https://kubelet');
      await this.checkAccess(req, url.pathname);
      if (await this.options.health.handle(req, res)) return;
      const { route, parts } = this.find(url.pathname, req.method ?? 'GET');
      if (!route.handle) throw new HttpError(400, 'Upgrade request required');
      const signal = AbortSignal.any([gone.signal, this.stopping.signal]);
      await route.handle({ req, url, parts, signal }, res);
    } catch (error) {
      this.fail(res, error, req);
    }
  }

  private async onUpgrade(req: IncomingMessage, socket: Duplex, head: Buffer): Promise<void> {
    this.upgraded.add(socket);
    socket.on('close', () => this.upgraded.delete(socket));
    socket.on('error', () => socket.destroy());
    try {
      const url = new URL(req.url ?? '/', 'https://kubelet');
      await this.checkAccess(req, url.pathname);
      const { route, parts } = this.find(url.pathname, req.method ?? 'GET');
      if (!route.upgrade) throw new HttpError(400, 'this path takes no upgrade');
      await route.upgrade({ req, url, parts, signal: this.stopping.signal }, socket, head);
    } catch (error) {
      const status = error instanceof HttpError ? error.status : 500;
      refuseUpgrade(socket, status, (error as Error).message);
      if (status === 500) this.options.logger.warn('Stream request failed', { path: req.url, error });
    }
  }

  private async checkAccess(req: IncomingMessage, path: string): Promise<void> {
    const { auth } = this.options;
    const user = await auth.authenticate(req);
    if (!user) throw new HttpError(401, 'Unauthorized');
    const verb = verbOf(req.method ?? 'GET');
    if (!(await auth.authorize(user, verb, path))) {
      throw new HttpError(403, `Forbidden (user=${user.name}, verb=${verb}, resource=nodes, subresource(s)=[proxy])`);
    }
  }

  private find(path: string, method: string): { route: Route; parts: string[] } {
    let other = false;
    for (const route of this.options.routes) {
      if (path !== route.prefix && !path.startsWith(`${route.prefix}/`)) continue;
      if (!route.methods.includes(method)) {
        other = true;
        continue;
      }
      const rest = path.slice(route.prefix.length).split('/').filter(Boolean);
      return { route, parts: rest.map(decodeURIComponent) };
    }
    throw other ? new HttpError(405, '405: Method Not Allowed') : new HttpError(404, '404 page not found');
  }

  private fail(res: ServerResponse, error: unknown, req: IncomingMessage): void {
    const status = error instanceof HttpError ? error.status : 500;
    if (status === 500 && !res.destroyed) this.options.logger.warn('Request failed', { path: req.url, error });
    if (res.headersSent) {
      res.destroy();
      return;
    }
    res.writeHead(status, { 'Content-Type': 'text/plain; charset=utf-8' });
    res.end(`${(error as Error).message}\n`);
  }
}
