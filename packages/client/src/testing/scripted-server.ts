import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import { freePort } from '@kubelab/component-base/testing';

export type Reply = (req: IncomingMessage, res: ServerResponse, url: URL) => void;

/** An HTTP server whose answers a test gives: the fixture for what a real API server does only rarely. */
export class ScriptedServer {
  readonly requests: { method: string; url: string; body: string }[] = [];
  private server: Server | undefined;
  private waiters: (() => void)[] = [];
  port = 0;

  constructor(public reply: Reply) {}

  get url(): string {
    return `http://127.0.0.1:${this.port}`;
  }

  async start(): Promise<void> {
    // Its own for good: it may be started again.
    this.port ||= await freePort();
    this.server = createServer((req, res) => {
      let body = '';
      req.setEncoding('utf8');
      req.on('data', (chunk) => {
        body += chunk;
      });
      req.on('end', () => {
        this.requests.push({ method: req.method ?? '', url: req.url ?? '', body });
        this.reply(req, res, new URL(req.url ?? '/', this.url));
        for (const waiter of this.waiters.splice(0)) waiter();
      });
    });
    await new Promise<void>((resolve) => this.server?.listen(this.port, '127.0.0.1', resolve));
  }

  async stop(): Promise<void> {
    const server = this.server;
    if (!server) return;
    this.server = undefined;
    await new Promise<void>((resolve) => {
      server.close(() => resolve());
      server.closeAllConnections();
    });
  }

  /** Resolves when a condition holds after some request. */
  async until(condition: () => boolean): Promise<void> {
    while (!condition()) await new Promise<void>((resolve) => this.waiters.push(resolve));
  }
}

export function sendJson(res: ServerResponse, code: number, body: unknown, headers: Record<string, string> = {}): void {
  res.writeHead(code, { 'content-type': 'application/json', ...headers }).end(JSON.stringify(body));
}

/** Begins a watch's answer; lines are written as JSON objects. */
export function beginWatch(res: ServerResponse): (event: unknown) => void {
  res.writeHead(200, { 'content-type': 'application/json', 'transfer-encoding': 'chunked' });
  res.flushHeaders();
  return (event) => res.write(`${JSON.stringify(event)}\n`);
}
