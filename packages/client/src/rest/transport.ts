import { Agent as HttpAgent, request as httpRequest, type IncomingMessage, type OutgoingHttpHeaders } from 'node:http';
import { Agent as HttpsAgent, request as httpsRequest } from 'node:https';
import { isIP } from 'node:net';
import type { ClientConfig } from './config.js';
import { CredentialSource } from './credentials.js';

/** One HTTP exchange. `path` has the query already; the body is encoded. */
export interface TransportRequest {
  method: string;
  path: string;
  headers: OutgoingHttpHeaders;
  body?: string | Buffer;
  signal?: AbortSignal;
  /** Milliseconds until the answer's headers must have come; 0 means no limit. */
  timeoutMs: number;
  /** Takes a connection of its own instead of one of the shared pool: for watches and other long answers. */
  longRunning: boolean;
}

type Agents = { generation: number; short: HttpAgent | HttpsAgent; long: HttpAgent | HttpsAgent };

/** Connections to one API server: a bounded keep-alive pool for requests, and unbounded ones for watches. */
export class Transport {
  readonly credentials: CredentialSource;
  private readonly secure: boolean;
  private readonly base: URL;
  private agents: Agents | undefined;

  constructor(private readonly config: ClientConfig) {
    this.base = new URL(config.server);
    this.secure = this.base.protocol === 'https:';
    this.credentials = new CredentialSource(config);
  }

  /** Sends a request and resolves when the answer's headers came. Rejects for network errors, timeouts and aborts. */
  send(req: TransportRequest): Promise<IncomingMessage> {
    const { token } = this.credentials.get();
    const agents = this.currentAgents();
    const headers: OutgoingHttpHeaders = { ...req.headers };
    if (token) headers.authorization = `Bearer ${token}`;
    if (req.body !== undefined) headers['content-length'] = Buffer.byteLength(req.body);
    return new Promise((resolve, reject) => {
      const outgoing = (this.secure ? httpsRequest : httpRequest)({
        host: this.base.hostname.replace(/^\[|\]$/g, ''),
        port: this.base.port || (this.secure ? 443 : 80),
        path: this.base.pathname.replace(/\/$/, '') + req.path,
        method: req.method,
        headers,
        agent: req.longRunning ? agents.long : agents.short,
        signal: req.signal,
      });
      let timer: NodeJS.Timeout | undefined;
      if (req.timeoutMs > 0) {
        timer = setTimeout(() => outgoing.destroy(timeoutError(req)), req.timeoutMs);
      }
      outgoing.once('response', (res) => {
        clearTimeout(timer);
        resolve(res);
      });
      outgoing.on('error', (error: NodeJS.ErrnoException) => {
        clearTimeout(timer);
        reject(
          new ConnectionError(
            `${req.method} ${this.base.origin}${req.path.split('?')[0]}`,
            error,
            outgoing.reusedSocket,
          ),
        );
      });
      outgoing.end(req.body);
    });
  }

  /** Closes all connections; requests in flight fail. */
  close(): void {
    this.agents?.short.destroy();
    this.agents?.long.destroy();
    this.agents = undefined;
  }

  private currentAgents(): Agents {
    const { generation } = this.credentials;
    if (this.agents?.generation === generation) return this.agents;
    const old = this.agents;
    const make = (maxSockets: number): HttpAgent | HttpsAgent => {
      const pool = { keepAlive: true, keepAliveMsecs: 15_000, maxSockets, scheduling: 'lifo' as const };
      if (!this.secure) return new HttpAgent(pool);
      const { ca, cert, key } = this.credentials.get();
      const host = this.config.tlsServerName ?? this.base.hostname.replace(/^\[|\]$/g, '');
      return new HttpsAgent({
        ...pool,
        ca,
        cert,
        key,
        servername: isIP(host) ? '' : host,
        rejectUnauthorized: !this.config.insecureSkipTlsVerify,
      });
    };
    this.agents = { generation, short: make(this.config.maxConnections ?? 32), long: make(Number.POSITIVE_INFINITY) };
    if (old) closeWhenIdle(old);
    return this.agents;
  }
}

/** The server could not be reached, or the connection broke before an answer came. `cause` is the socket's error. */
export class ConnectionError extends Error {
  override readonly name = 'ConnectionError';
  readonly code: string | undefined;

  constructor(
    what: string,
    override readonly cause: NodeJS.ErrnoException,
    /** The broken connection was a kept one: the server may have closed it before it saw the request. */
    readonly reusedConnection: boolean,
  ) {
    super(`${what}: ${cause.message || cause.code || cause.name}`);
    this.code = cause.code;
  }
}

function timeoutError(req: TransportRequest): NodeJS.ErrnoException {
  return Object.assign(new Error(`no answer within ${req.timeoutMs} ms`), { code: 'ETIMEDOUT' });
}

/** New requests go elsewhere already; sockets in use stay until their answer is read, idle ones are closed now. */
function closeWhenIdle(agents: Agents): void {
  for (const agent of [agents.short, agents.long]) {
    for (const sockets of Object.values(agent.freeSockets)) for (const socket of sockets ?? []) socket.destroy();
    // A public option of the constructor that Node reads when a socket becomes free; its types leave it out.
    (agent as unknown as { keepAlive: boolean }).keepAlive = false;
  }
}
