import type { IncomingMessage, ServerResponse } from 'node:http';
import { promisify } from 'node:util';
import { gzip } from 'node:zlib';
import { encodeProtobuf } from '@kubelab/api';
import type { StatusError } from '@kubelab/apimachinery';
import { stringify } from 'yaml';
import { auditOf } from '../audit/index.js';
import { errorFormat, protobufType, type Representation } from './negotiate.js';

const compress = promisify(gzip);
/** Smaller answers are not worth the time, as in Kubernetes (128 KiB). */
const gzipFromBytes = 128 * 1024;

/** What people read with: browsers, curl and wget get JSON with line breaks. */
const readersAgent = /^(?:curl|Wget|Mozilla\/5\.0)/;
const goBooleans: Record<string, boolean> = { '1': true, t: true, T: true, true: true, TRUE: true, True: true };

/** Whether an answer is to be indented: `pretty` says so, or the client is one that people read with, as in Kubernetes. */
function wantsPretty(req: IncomingMessage): boolean {
  const asked = req.url?.includes('pretty') ? new URL(req.url, 'http://localhost').searchParams.get('pretty') : null;
  return asked ? goBooleans[asked] === true : readersAgent.test(req.headers['user-agent'] ?? '');
}

function encodeFor(req: IncomingMessage, value: unknown): Buffer {
  return Buffer.from(JSON.stringify(value, undefined, wantsPretty(req) ? 2 : undefined));
}

/** Writes an encoded JSON body; large ones are compressed for clients that take it. */
export async function sendBytes(
  req: IncomingMessage,
  res: ServerResponse,
  code: number,
  body: Buffer,
  type = 'application/json',
): Promise<void> {
  const audit = auditOf(req);
  if (audit?.wantsResponse && type.startsWith('application/json')) {
    audit.responseObject(JSON.parse(body.toString('utf8')));
  }
  const headers: Record<string, string | number> = {
    'Content-Type': type,
    'Cache-Control': 'no-cache, private',
  };
  let bytes = body;
  if (type === 'application/json' && wantsPretty(req)) {
    bytes = encodeFor(req, JSON.parse(body.toString('utf8')));
  }
  if (bytes.length >= gzipFromBytes && /\bgzip\b/.test(String(req.headers['accept-encoding'] ?? ''))) {
    bytes = await compress(bytes, { level: 1 });
    headers['Content-Encoding'] = 'gzip';
    headers.Vary = 'Accept-Encoding';
  }
  headers['Content-Length'] = bytes.length;
  res.writeHead(code, headers);
  res.end(req.method === 'HEAD' ? undefined : bytes);
}

/** YAML as Kubernetes writes it: keys sorted, lists not indented, what YAML 1.1 would take for another type quoted. */
function toYaml(value: unknown): string {
  return stringify(value, { version: '1.1', sortMapEntries: true, indentSeq: false, lineWidth: 0 });
}

/** Writes a value in the format that was agreed on; as protobuf it must be an object of a kind that has that form. */
export function sendObject(
  req: IncomingMessage,
  res: ServerResponse,
  code: number,
  value: unknown,
  format: Representation['format'] = 'json',
): Promise<void> {
  if (format === 'json') {
    return sendBytes(req, res, code, Buffer.from(JSON.stringify(value)));
  }
  const audit = auditOf(req);
  if (audit?.wantsResponse) {
    audit.responseObject(value);
  }
  return format === 'yaml'
    ? sendBytes(req, res, code, Buffer.from(toYaml(value)), 'application/yaml')
    : sendBytes(req, res, code, encodeProtobuf(value as object), protobufType);
}

/** Answers an error with its Status. Once a body has begun nothing can be said any more: the connection is cut. */
export function sendError(req: IncomingMessage, res: ServerResponse, error: StatusError): void {
  if (res.headersSent) {
    res.destroy();
    return;
  }
  const { status } = error;
  auditOf(req)?.failed(status);
  const retryAfter = status.details?.retryAfterSeconds;
  const { body, type } = encodeError(req, status);
  res.writeHead(error.code, {
    'Content-Type': type,
    'Cache-Control': 'no-cache, private',
    'Content-Length': body.length,
    ...(retryAfter ? { 'Retry-After': String(retryAfter) } : {}),
  });
  res.end(req.method === 'HEAD' ? undefined : body);
}

function encodeError(req: IncomingMessage, status: StatusError['status']): { body: Buffer; type: string } {
  switch (errorFormat(req.headers.accept)) {
    case 'protobuf':
      return { body: encodeProtobuf(status), type: protobufType };
    case 'yaml':
      return { body: Buffer.from(toYaml(status)), type: 'application/yaml' };
    case 'json':
      return { body: encodeFor(req, status), type: 'application/json' };
  }
}
