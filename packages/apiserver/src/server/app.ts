import type { IncomingMessage, ServerResponse } from 'node:http';
import { hasProtobuf, type ResourceTable } from '@kubelab/api';
import { newPathNotFound } from '@kubelab/apimachinery';
import type { HealthRegistry, Registry } from '@kubelab/component-base';
import express, { type Express } from 'express';
import type { RemoteGroupVersion } from '../aggregation/index.js';
import type { Authentication } from '../authentication/index.js';
import { aggregatedDiscovery } from '../discovery/aggregated.js';
import { coreVersions, groupDocument, groupList, resourceList } from '../discovery/documents.js';
import { clausesOf, negotiate } from '../handlers/negotiate.js';
import { sendBytes, sendError, sendObject } from '../handlers/respond.js';
import { toApiError } from '../registry/store-errors.js';
import { versionInfo } from './version.js';

export interface AppOptions {
  table: ResourceTable;
  health: HealthRegistry;
  metrics: Registry;
  authentication: Authentication;
  /** ADDRESS:PORT that clients reach the server by. */
  serverAddress: string;
  /** What extension servers serve. */
  remote?(): RemoteGroupVersion[];
  /** Adds further routes (OpenAPI, debug dumps). */
  routes?: ((app: Express) => void)[];
}

/** Everything that is no resource: discovery, version, health, metrics, token issuer's keys, OpenAPI. */
export function createApp(o: AppOptions): Express {
  const app = express();
  app.disable('x-powered-by');
  app.set('etag', false);
  app.use(async (req, res, next) => {
    if (!(await o.health.handle(req, res))) {
      next();
    }
  });
  app.get('/version', (req, res) => sendObject(req, res, 200, versionInfo()));
  app.get('/metrics', async (req, res) => {
    await sendBytes(req, res, 200, Buffer.from(await o.metrics.metrics()), o.metrics.contentType);
  });
  app.get('/api', (req, res) => discovery(req, res, o, true));
  app.get('/apis', (req, res) => discovery(req, res, o, false));
  app.get('/api/v1', (req, res) => document(req, res, resourceList(o.table, '', 'v1')));
  app.get('/apis/:group', (req, res) => document(req, res, groupDocument(o.table, req.params.group, o.remote?.())));
  app.get('/apis/:group/:version', (req, res) =>
    document(req, res, resourceList(o.table, req.params.group, req.params.version)),
  );
  app.get('/.well-known/openid-configuration', (req, res) =>
    document(req, res, o.authentication.issuerDiscovery?.configuration),
  );
  app.get('/openid/v1/jwks', (req, res) => document(req, res, o.authentication.issuerDiscovery?.keys));
  for (const add of o.routes ?? []) {
    add(app);
  }
  app.get('/', (req, res) => sendObject(req, res, 200, { paths: rootPaths(o.table) }));
  app.use((req: IncomingMessage, res: ServerResponse) => {
    if (/^\/apis?(\/|$)/.test(req.url ?? '')) {
      sendError(req, res, newPathNotFound());
      return;
    }
    res.writeHead(404, { 'Content-Type': 'text/plain; charset=utf-8', 'X-Content-Type-Options': 'nosniff' });
    res.end('404 page not found\n');
  });
  app.use((error: unknown, req: IncomingMessage, res: ServerResponse, _next: () => void) => {
    sendError(req, res, toApiError(error));
  });
  return app;
}

function document(req: IncomingMessage, res: ServerResponse, body: object | undefined): Promise<void> | void {
  if (!body) {
    sendError(req, res, newPathNotFound());
    return;
  }
  const { apiVersion = '', kind = '' } = body as { apiVersion?: string; kind?: string };
  const { format } = negotiate(req.headers.accept, { transforms: false, protobuf: hasProtobuf(apiVersion, kind) });
  return sendObject(req, res, 200, body, format);
}

/** The version of the aggregated document, when a clause before any plain one asks for it. */
function aggregatedVersion(accept: string): 'v2' | 'v2beta1' | undefined {
  for (const { type, params } of clausesOf(accept)) {
    const version = params.get('v');
    const known = version === 'v2' || version === 'v2beta1';
    const named = params.get('g') === 'apidiscovery.k8s.io' && params.get('as') === 'APIGroupDiscoveryList';
    if (type === 'application/json' && named && known) return version;
    if (type === 'application/json' && !params.has('as')) return undefined;
  }
  return undefined;
}

/** Aggregated where the client asks for it (KEP-3352), else the plain list. */
function discovery(req: IncomingMessage, res: ServerResponse, o: AppOptions, core: boolean): Promise<void> | void {
  const accept = String(req.headers.accept ?? '');
  res.setHeader('Vary', 'Accept');
  const wanted = aggregatedVersion(accept);
  if (wanted) {
    const body = Buffer.from(JSON.stringify(aggregatedDiscovery(o.table, core, wanted, o.remote?.())));
    return sendBytes(
      req,
      res,
      200,
      body,
      `application/json;g=apidiscovery.k8s.io;v=${wanted};as=APIGroupDiscoveryList`,
    );
  }
  return document(req, res, core ? coreVersions(o.serverAddress) : groupList(o.table, o.remote?.()));
}

function rootPaths(table: ResourceTable): string[] {
  const groups = new Set<string>();
  for (const entry of table.all()) {
    for (const { version } of entry.versions) {
      if (entry.group !== '') {
        groups.add(`/apis/${entry.group}`);
        groups.add(`/apis/${entry.group}/${version}`);
      }
    }
  }
  const others = ['/healthz', '/livez', '/metrics', '/openapi/v2', '/openapi/v3', '/readyz', '/version'];
  return [
    '/.well-known/openid-configuration',
    '/api',
    '/api/v1',
    '/apis',
    ...[...groups].sort(),
    ...others,
    '/openid/v1/jwks',
  ];
}
