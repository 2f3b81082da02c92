import { randomBytes } from 'node:crypto';
import { mkdtemp, rm } from 'node:fs/promises';
import { type Agent, createServer, type IncomingHttpHeaders, request, type Server } from 'node:http';
import { request as requestTls } from 'node:https';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { V1EndpointSlice, V1HTTPIngressPath, V1Ingress, V1Secret, V1Service } from '@kubelab/api';
import { createLogger } from '@kubelab/component-base';
import { freePort } from '@kubelab/component-base/testing';
import { findLua } from '../abilities.js';
import { Controller } from '../controller.js';
import { Nginx } from '../nginx.js';

export interface Reply {
  status: number;
  body: string;
  headers: IncomingHttpHeaders;
}

/** What a backend of the tests answers with, as JSON. */
export interface Echo {
  backend: string;
  method: string;
  path: string;
  headers: IncomingHttpHeaders;
}

export interface Backend {
  name: string;
  port: number;
  server: Server;
  /** Ends as a pod that does: no new connections, those that are there end with their requests. */
  stop(): Promise<void>;
  /** Ends as a pod that is killed: no connection lives on. */
  die(): void;
}

/** A real nginx on free loopback ports with a controller; Services, endpoints and secrets are objects of the test. */
export class TestProxy {
  readonly services = new Map<string, V1Service>();
  readonly slices = new Map<string, V1EndpointSlice[]>();
  readonly secrets = new Map<string, V1Secret>();
  readonly external = new Map<string, string[]>();
  readonly backends: Backend[] = [];
  ingresses: V1Ingress[] = [];
  complaints = new Set<string>();
  private readonly controller: Controller;

  private constructor(
    readonly nginx: Nginx,
    readonly dir: string,
    readonly http: number,
    readonly https: number,
  ) {
    this.controller = new Controller({
      nginx,
      sources: {
        service: (_ns, name) => this.services.get(name),
        slices: (_ns, name) => this.slices.get(name) ?? [],
        secret: (_ns, name) => this.secrets.get(name),
        externalAddresses: (host) => this.external.get(host) ?? [],
      },
      ingresses: () => this.ingresses,
      complain: (i, message) => this.complaints.add(`${i.metadata?.name}: ${message}`),
      reloadMs: 0,
      logger: createLogger({ component: 'test', format: 'text', verbosity: 0 }),
    });
  }

  /** `isOld`: as with an nginx of 1.18 without Lua. */
  static async start({ workers = 1, isOld = false } = {}): Promise<TestProxy> {
    const dir = await mkdtemp(join(tmpdir(), 'ingress-'));
    const [httpPort, httpsPort] = [await freePort(), await freePort()];
    const settings = {
      ...{ httpPort, httpsPort, statusPort: await freePort(), dir, workers, ipv6: false },
      user: process.getuid?.() === 0 ? 'root' : undefined,
      lua: isOld ? undefined : findLua('/usr/lib/nginx/modules'),
      rejectsHandshakes: !isOld,
      token: randomBytes(8).toString('hex'),
    };
    const logger = createLogger({ component: 'test', format: 'text', verbosity: 0 });
    return new TestProxy(new Nginx(settings, '/usr/sbin/nginx', logger), dir, httpPort, httpsPort);
  }

  async stop(): Promise<void> {
    await this.nginx.stop();
    for (const b of this.backends) {
      b.server.close();
      b.server.closeAllConnections();
    }
    await rm(this.dir, { recursive: true });
  }

  /** Puts Ingresses in force. */
  async apply(...ingresses: V1Ingress[]): Promise<void> {
    this.ingresses = ingresses;
    this.complaints = new Set();
    await this.reconcile();
  }

  async reconcile(): Promise<void> {
    for (let wait = await this.controller.reconcile(); wait > 0; wait = await this.controller.reconcile()) {
      await new Promise((resolve) => setTimeout(resolve, wait));
    }
  }

  async backend(name: string): Promise<Backend> {
    const server = createServer((q, s) => {
      const echo: Echo = { backend: name, method: q.method ?? '', path: q.url ?? '', headers: q.headers };
      q.resume();
      q.on('end', () => s.end(JSON.stringify(echo)));
    });
    // Longer than nginx keeps connections: it is nginx that ends them.
    server.keepAliveTimeout = 120_000;
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    const backend: Backend = {
      name,
      server,
      port: (server.address() as AddressInfo).port,
      stop: () =>
        new Promise((resolve) => {
          server.close(() => resolve());
          server.closeIdleConnections();
        }),
      die: () => {
        server.close();
        server.closeAllConnections();
      },
    };
    this.backends.push(backend);
    return backend;
  }

  /** A Service `name` with a port 80 named http, and these as its endpoints. */
  addService(name: string, ports: number[]): void {
    this.services.set(name, {
      metadata: { name, namespace: 'default' },
      spec: { clusterIP: '10.96.0.1', ports: [{ name: 'http', port: 80 }] },
    });
    this.slices.set(
      name,
      ports.map((port) => ({
        addressType: 'IPv4',
        ports: [{ name: 'http', port }],
        endpoints: [{ addresses: ['127.0.0.1'], conditions: { ready: true } }],
      })),
    );
  }

  /** Asks nginx for a URL whose host need not exist. Rejects if there is no answer. */
  get(
    url: string,
    o: { method?: string; headers?: Record<string, string>; agent?: Agent; body?: string } = {},
  ): Promise<Reply> {
    const [, scheme, host = '', path] = /^(https?):\/\/([^/]*)(.*)$/.exec(url) ?? [];
    const isTls = scheme === 'https';
    return new Promise((resolve, reject) => {
      const options = {
        ...{ host: '127.0.0.1', port: isTls ? this.https : this.http, method: o.method ?? 'GET', path: path || '/' },
        ...{ headers: { host, connection: o.agent ? 'keep-alive' : 'close', ...o.headers }, timeout: 120_000 },
        ...(o.agent ? { agent: o.agent } : { agent: false as const }),
        ...(isTls ? { servername: host, rejectUnauthorized: false } : {}),
      };
      const sent = (isTls ? requestTls : request)(options, (answer) => {
        let body = '';
        answer.setEncoding('utf8');
        answer.on('data', (chunk: string) => {
          body += chunk;
        });
        answer.on('end', () => resolve({ status: answer.statusCode ?? 0, body, headers: answer.headers }));
        answer.on('error', reject);
      });
      sent.on('timeout', () => sent.destroy(new Error('timed out')));
      sent.on('error', reject);
      sent.end(o.body);
    });
  }

  /** `BACKEND PATH` of who answered, else the status, else the error's code. */
  async who(url: string): Promise<string> {
    try {
      const { status, body } = await this.get(url);
      if (status !== 200) return String(status);
      const echo = JSON.parse(body) as Echo;
      return `${echo.backend} ${echo.path}`;
    } catch (error) {
      return (error as NodeJS.ErrnoException).code ?? String(error);
    }
  }
}

export const path = (p: string, service: string, pathType = 'Prefix'): V1HTTPIngressPath => ({
  path: p,
  pathType,
  backend: { service: { name: service, port: { number: 80 } } },
});

export const ingress = (
  name: string,
  spec: V1Ingress['spec'],
  annotations: Record<string, string> = {},
): V1Ingress => ({
  metadata: {
    name,
    uid: name,
    generation: 1,
    namespace: 'default',
    annotations,
    creationTimestamp: '2026-01-01T00:00:00Z',
  },
  ...(spec ? { spec } : {}),
});
