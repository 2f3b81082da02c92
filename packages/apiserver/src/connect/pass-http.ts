import { request as httpRequest, type IncomingMessage, type ServerResponse } from 'node:http';
import { type Agent, request as httpsRequest } from 'node:https';
import { pipeline, type Transform } from 'node:stream';
import type { ConnectionOptions } from 'node:tls';
import { createGunzip, createInflate } from 'node:zlib';

export interface PassOptions {
  agent?: Agent;
  tls?: ConnectionOptions;
  /** Changes the answer's headers before they are sent. */
  rewriteHeaders?(headers: Record<string, string | string[] | undefined>, status: number): void;
  /** What the answer's body goes through, decoded; undefined: it goes as it is. */
  rewriteBody?(answer: IncomingMessage): Transform | undefined;
  /** Headers of the request that stay behind, lower case. */
  drop?: string[];
  /** Added to the request. */
  headers?: Record<string, string>;
  /** Inspects the answer instead of passing it on; returns true when it has taken it over. */
  onResponse?(res: IncomingMessage): boolean;
}

const hopByHop = [
  'connection',
  'keep-alive',
  'proxy-authenticate',
  'proxy-authorization',
  'te',
  'trailer',
  'transfer-encoding',
  'upgrade',
];

/**
 * Passes a request on and streams the answer back as it comes. Rejects when the target can't be reached before
 * anything was answered; ends the answer when the target breaks off later.
 */
export function passHttp(req: IncomingMessage, res: ServerResponse, target: URL, o: PassOptions = {}): Promise<void> {
  const headers: Record<string, string | string[] | undefined> = { ...req.headers };
  for (const h of [...hopByHop, 'host', ...(o.drop ?? [])]) delete headers[h];
  Object.assign(headers, o.headers);
  return new Promise((resolve, reject) => {
    const make = target.protocol === 'https:' ? httpsRequest : httpRequest;
    const upstream = make(target, {
      method: req.method,
      headers,
      ...(o.tls ?? {}),
      ...(o.agent ? { agent: o.agent } : {}),
    });
    res.once('close', () => {
      upstream.destroy();
      resolve();
    });
    upstream.once('error', (err) => {
      if (res.headersSent || res.destroyed) {
        res.destroy();
        resolve();
      } else reject(err);
    });
    upstream.once('response', (answer) => {
      if (o.onResponse?.(answer)) return;
      const out: Record<string, string | string[] | undefined> = { ...answer.headers };
      for (const h of hopByHop) delete out[h];
      o.rewriteHeaders?.(out, answer.statusCode ?? 502);
      const decoders = decodersOf(answer);
      const rewriter = req.method === 'HEAD' || !decoders ? undefined : o.rewriteBody?.(answer);
      if (rewriter) {
        delete out['content-length'];
        delete out['content-encoding'];
      }
      res.writeHead(answer.statusCode ?? 502, out as Record<string, string | string[]>);
      // Followed logs may stay silent for long: their headers must not wait for the first byte.
      res.flushHeaders();
      const stages = rewriter ? [...(decoders ?? []), rewriter] : [];
      pipeline([answer, ...stages, res], () => resolve());
    });
    if (req.method === 'GET' || req.method === 'HEAD') upstream.end();
    else pipeline(req, upstream, () => undefined);
  });
}

/** What an answer's body must go through to be readable; undefined for an encoding that is not known here. */
function decodersOf(answer: IncomingMessage): Transform[] | undefined {
  switch (answer.headers['content-encoding'] ?? '') {
    case '':
    case 'identity':
      return [];
    case 'gzip':
      return [createGunzip()];
    case 'deflate':
      return [createInflate()];
    default:
      return undefined;
  }
}

/** Whether an answer is a page, whose links are of its own server. */
export function isHtml(answer: IncomingMessage): boolean {
  return /^text\/html\s*(;|$)/i.test(answer.headers['content-type'] ?? '');
}

/** Reads a (short) answer whole. */
export async function readText(res: IncomingMessage, limit = 64 * 1024): Promise<string> {
  let text = '';
  res.setEncoding('utf8');
  for await (const chunk of res) {
    text += chunk as string;
    if (text.length > limit) break;
  }
  return text.slice(0, limit);
}
