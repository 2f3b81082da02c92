import type { IncomingMessage, ServerResponse } from 'node:http';
import { createServer } from 'node:https';
import type { AddressInfo } from 'node:net';
import { newForbidden, newInternalError, newPathNotFound, StatusError } from '@kubelab/apimachinery';
import type { HealthRegistry, Logger, Registry } from '@kubelab/component-base';
import type { AuthenticationConfig } from '../auth/authentication-config.js';
import type { DelegatedAuth } from '../auth/delegated-auth.js';
import { discoveryDocument } from './discovery.js';
import { listBody, type MetricsApi } from './metrics-api.js';
import { attributesOf, group, readResourceRequest } from './request-info.js';
import { tableOf, wantsTable } from './table.js';

export interface ServerOptions {
  bindAddress: string;
  /** 0 takes a free port. */
  port: number;
  /** PEM. */
  cert: string;
  key: string;
  api: MetricsApi;
  auth: DelegatedAuth;
  authentication: AuthenticationConfig;
  health: HealthRegistry;
  metrics: Registry;
  logger: Logger;
}

export interface MetricsHttpServer {
  port: number;
  /** The authorities of client certificates have changed. */
  trust(config: AuthenticationConfig): void;
  close(): Promise<void>;
}

/** The HTTPS server: health is open, all else is authenticated and authorized. Rejects when the address is taken. */
export async function serveMetrics(o: ServerOptions): Promise<MetricsHttpServer> {
  const context = (config: AuthenticationConfig) => ({
    cert: o.cert,
    key: o.key,
    ca: [config.requestheaderCa, config.clientCa].filter((pem) => pem !== ''),
  });
  // A client without a certificate may have a token: it is not turned away by TLS.
  const options = { ...context(o.authentication), requestCert: true, rejectUnauthorized: false };
  const server = createServer(options, (req, res) => {
    serve(o, req, res).catch((error: unknown) => {
      if (!(error instanceof StatusError)) o.logger.error('Request failed', { path: req.url, error });
      const { status } = error instanceof StatusError ? error : newInternalError(error);
      if (res.headersSent) res.destroy();
      else reply(res, status.code ?? 500, status);
    });
  });
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject);
    server.listen(o.port, o.bindAddress, resolve);
  });
  return {
    port: (server.address() as AddressInfo).port,
    trust: (config) => server.setSecureContext(context(config)),
    close: () =>
      new Promise((resolve) => {
        server.close(() => resolve());
        server.closeAllConnections();
      }),
  };
}

async function serve(o: ServerOptions, req: IncomingMessage, res: ServerResponse): Promise<void> {
  if (await o.health.handle(req, res)) return;
  const method = req.method ?? 'GET';
  const url = req.url ?? '/';
  const request = readResourceRequest(method, url);
  const user = await o.auth.authenticate(req);
  const attributes = attributesOf(method, url, request);
  if (!(await o.auth.isAllowed(user, attributes))) throw forbidden(user.name, attributes);
  if (!request) return serveOther(o, url, res);
  const answer = o.api.answer(request);
  const items = 'item' in answer ? [answer.item] : answer.items;
  if (wantsTable(req.headers.accept)) return reply(res, 200, tableOf(items));
  reply(res, 200, 'item' in answer ? answer.item : listBody(answer.kind, items));
}

async function serveOther(o: ServerOptions, url: string, res: ServerResponse): Promise<void> {
  if (url.split('?', 1)[0] === '/metrics') {
    res.writeHead(200, { 'content-type': o.metrics.contentType }).end(await o.metrics.metrics());
    return;
  }
  const document = discoveryDocument(url);
  if (!document) throw newPathNotFound();
  reply(res, 200, document);
}

function reply(res: ServerResponse, code: number, body: object): void {
  res.writeHead(code, { 'content-type': 'application/json' }).end(`${JSON.stringify(body)}\n`);
}

function forbidden(user: string, attributes: ReturnType<typeof attributesOf>): StatusError {
  const { resourceAttributes: resource, nonResourceAttributes: path } = attributes;
  if (!resource) {
    const message = `User ${JSON.stringify(user)} cannot ${path?.verb} path ${JSON.stringify(path?.path)}`;
    return newForbidden({ group: '', resource: '' }, '', message);
  }
  const where = resource.namespace ? `in the namespace ${JSON.stringify(resource.namespace)}` : 'at the cluster scope';
  const what = `resource ${JSON.stringify(resource.resource)} in API group ${JSON.stringify(group)} ${where}`;
  const message = `User ${JSON.stringify(user)} cannot ${resource.verb} ${what}`;
  return newForbidden({ group, resource: resource.resource ?? '' }, resource.name ?? '', message);
}
