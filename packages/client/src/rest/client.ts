import type { IncomingMessage, OutgoingHttpHeaders } from 'node:http';
import { type KubeObject, StatusError } from '@kubelab/apimachinery';
import { delay } from '../clock.js';
import type { ApiObject, Gvr, ResourceClient } from '../types.js';
import type { ClientConfig } from './config.js';
import { TokenBucket } from './rate-limiter.js';
import { RestResourceClient } from './resource-client.js';
import { errorFromResponse, readBody, retryAfterSeconds } from './response.js';
import { ConnectionError, Transport } from './transport.js';

export type Query = Record<string, string | number | boolean | string[] | undefined>;

/** Options of a request by path. */
export interface RequestOptions {
  query?: Query;
  /** Encoded as JSON unless it is a string or a Buffer. */
  body?: unknown;
  headers?: OutgoingHttpHeaders;
  /** Default `application/json`. */
  contentType?: string;
  signal?: AbortSignal;
  /** Instead of the configuration's; 0 means none. */
  timeoutMs?: number;
}

/** How often a request that the server put off (429, Retry-After) or whose kept connection broke is tried again. */
const maxRetries = 10;

/** A client of one API server. Its methods throw StatusError for API errors and ConnectionError for network errors. */
export class Client {
  readonly transport: Transport;
  private readonly limiter: TokenBucket | undefined;
  private readonly headers: OutgoingHttpHeaders;

  constructor(readonly config: ClientConfig) {
    this.transport = new Transport(config);
    this.limiter = config.qps ? new TokenBucket(config.qps, config.burst ?? 2 * config.qps) : undefined;
    this.headers = { 'user-agent': config.userAgent ?? `kubelab/${process.title}`, accept: 'application/json' };
    if (config.impersonate) {
      this.headers['impersonate-user'] = config.impersonate.userName;
      if (config.impersonate.groups?.length) this.headers['impersonate-group'] = config.impersonate.groups;
    }
  }

  /** The client of a resource, all namespaces; `.namespace(ns)` for one. */
  resource<T extends ApiObject = KubeObject>(gvr: Gvr): ResourceClient<T> {
    return new RestResourceClient<T>(this, gvr);
  }

  /** A request by path that answers JSON. Other content comes back as text. */
  async request<T = unknown>(method: string, path: string, options: RequestOptions = {}): Promise<T> {
    const res = await this.send(method, path, options, false);
    const body = await this.body(res, method, path);
    if (/json/.test(res.headers['content-type'] ?? '')) return JSON.parse(body.toString('utf8')) as T;
    return body.toString('utf8') as T;
  }

  /**
   * A request whose answer is read as a stream (logs, watches); it has a connection of its own. The caller must read
   * it to its end or destroy it. Throws StatusError when the answer has a failure code.
   */
  stream(method: string, path: string, options: RequestOptions = {}): Promise<IncomingMessage> {
    return this.send(method, path, options, true);
  }

  /** Closes kept connections; requests in flight fail. */
  close(): void {
    this.transport.close();
  }

  private async body(res: IncomingMessage, method: string, path: string): Promise<Buffer> {
    try {
      return await readBody(res);
    } catch (error) {
      throw new ConnectionError(`${method} ${path}: answer cut off`, error as NodeJS.ErrnoException, false);
    }
  }

  /** Sends, and sends again what may be sent again: see mayRetry. */
  private async send(method: string, path: string, options: RequestOptions, long: boolean): Promise<IncomingMessage> {
    const { body, headers } = encodeBody(options, this.headers);
    const url = path + encodeQuery(options.query);
    for (let attempt = 0; ; attempt++) {
      await this.limiter?.accept(options.signal);
      try {
        const res = await this.transport.send({
          method,
          path: url,
          headers,
          body,
          signal: options.signal,
          timeoutMs: options.timeoutMs ?? this.config.timeoutMs ?? 60_000,
          longRunning: long,
        });
        const code = res.statusCode ?? 500;
        if (code < 400) return res;
        const failure = errorFromResponse(res, await this.body(res, method, path), method);
        const waitSeconds = putOff(code, res);
        if (code === 401 && attempt === 0 && this.transport.credentials.refresh()) continue;
        if (waitSeconds === undefined || attempt >= maxRetries || options.signal?.aborted) throw failure;
        await delay(waitSeconds * 1000, options.signal);
      } catch (error) {
        if (error instanceof StatusError || attempt >= maxRetries || !mayResend(method, error)) throw error;
      }
    }
  }
}

/**
 * Seconds to wait when the server asks to come back later: 429 and 5xx with Retry-After, as client-go does for all
 * methods, because the server says it has not acted on the request.
 */
function putOff(code: number, res: IncomingMessage): number | undefined {
  if (code !== 429 && code < 500) return undefined;
  return retryAfterSeconds(res) || undefined;
}

/** A kept connection that the server closed meanwhile: safe to repeat for methods that change nothing. */
function mayResend(method: string, error: unknown): boolean {
  if (!(error instanceof ConnectionError) || !error.reusedConnection) return false;
  return (method === 'GET' || method === 'HEAD') && (error.code === 'ECONNRESET' || error.code === 'EPIPE');
}

function encodeBody(
  options: RequestOptions,
  defaults: OutgoingHttpHeaders,
): { body: string | Buffer | undefined; headers: OutgoingHttpHeaders } {
  const headers = { ...defaults, ...options.headers };
  if (options.body === undefined) return { body: undefined, headers };
  headers['content-type'] = options.contentType ?? 'application/json';
  const { body } = options;
  return { body: typeof body === 'string' || Buffer.isBuffer(body) ? body : JSON.stringify(body), headers };
}

function encodeQuery(query: Query | undefined): string {
  if (!query) return '';
  const params = new URLSearchParams();
  for (const [key, value] of Object.entries(query)) {
    if (value === undefined) continue;
    for (const one of Array.isArray(value) ? value : [value]) params.append(key, String(one));
  }
  const text = params.toString();
  return text ? `?${text}` : '';
}
