import type { ResourceTable } from '@kubelab/api';
import { newNotAcceptable } from '@kubelab/apimachinery';
import type { Express, Request, Response } from 'express';
import { sendError } from '../handlers/respond.js';
import type { CachedDocument } from './document-cache.js';
import { OpenApiDocuments, type RemoteSource } from './openapi-documents.js';

const ONE_YEAR_MS = 365 * 24 * 3600 * 1000;
const PROTOBUF_V2 = /application\/com\.github\.proto-openapi\.spec\.v2[@.]v1\.0\+protobuf/;
const JSON_ACCEPTED = /application\/json|application\/\*|\*\/\*/;

async function send(req: Request, res: Response, document: CachedDocument): Promise<void> {
  const etag = `"${document.hash}"`;
  res.setHeader('Etag', etag);
  res.setHeader('Vary', 'Accept-Encoding, Accept');
  if (req.headers['if-none-match'] === etag) {
    res.writeHead(304);
    res.end();
    return;
  }
  const zip = /\bgzip\b/.test(String(req.headers['accept-encoding'] ?? ''));
  const body = zip ? await document.gzipped() : document.bytes;
  res.writeHead(200, {
    'Content-Type': document.contentType,
    'Content-Length': body.length,
    ...(zip ? { 'Content-Encoding': 'gzip' } : {}),
  });
  res.end(req.method === 'HEAD' ? undefined : body);
}

function serveV2(req: Request, res: Response, documents: OpenApiDocuments): Promise<void> | void {
  const accept = String(req.headers.accept ?? '');
  // Quality values aside: clients that name protobuf want it, JSON is their second choice.
  if (PROTOBUF_V2.test(accept)) return send(req, res, documents.v2Protobuf.get());
  if (accept !== '' && !JSON_ACCEPTED.test(accept)) {
    sendError(
      req,
      res,
      newNotAcceptable(['application/json', 'application/com.github.proto-openapi.spec.v2@v1.0+protobuf']),
    );
    return;
  }
  return send(req, res, documents.v2Json.get());
}

function serveV3(req: Request, res: Response, documents: OpenApiDocuments, next: () => void): Promise<void> | void {
  const path = req.path.replace(/^\/openapi\/v3\/?/, '');
  const accept = String(req.headers.accept ?? '');
  if (accept !== '' && !JSON_ACCEPTED.test(accept)) {
    sendError(req, res, newNotAcceptable(['application/json']));
    return;
  }
  if (path === '') return send(req, res, documents.v3Index.get());
  const document = documents.v3(path);
  if (!document) return next();
  const { hash } = req.query;
  if (typeof hash === 'string' && hash !== '') {
    if (hash !== document.hash) {
      res.redirect(301, `/openapi/v3/${path}?hash=${document.hash}`);
      return;
    }
    res.setHeader('Cache-Control', 'public, immutable');
    res.setHeader('Expires', new Date(Date.now() + ONE_YEAR_MS).toUTCString());
  }
  return send(req, res, document);
}

/** The routes of the OpenAPI documents of a table, for express: `/openapi/v2`, `/openapi/v3` and what is below. */
export function openApiRoutes(table: ResourceTable, remote?: RemoteSource): (app: Express) => void {
  const documents = new OpenApiDocuments(table, remote);
  return (app) => {
    app.get('/openapi/v2', (req, res) => serveV2(req, res, documents));
    app.get(/^\/openapi\/v3(\/.*)?$/, (req, res, next) => serveV3(req, res, documents, next));
  };
}
