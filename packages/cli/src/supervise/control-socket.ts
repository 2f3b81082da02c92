import { chmodSync, rmSync } from 'node:fs';
import { createServer, type IncomingMessage, request, type Server, type ServerResponse } from 'node:http';
import type { Layout } from '../cluster/layout.js';
import type { ProcessSpec } from '../process/daemon.js';
import type { KeptState } from './kept-process.js';
import { processId } from './processes.js';

/** What the supervisor does for `kubelab`'s commands: HTTP on a unix socket that only root may use. */
export interface SupervisorApi {
  /** Tells the build that it runs from others (`buildId`). */
  readonly build: string;
  /** Starts the process unless it runs as it is configured now, and keeps it running from then on. */
  ensure(id: string): Promise<'started' | 'running'>;
  /** The processes that are kept running, by id. */
  states(): Record<string, KeptState>;
}

export function controlSocket(layout: Layout): string {
  return `${layout.runDir}/supervisor.sock`;
}

/** Serves the API. The caller holds the supervisor's lock, so a socket that is there is a dead one's. */
export async function serveControl(layout: Layout, api: SupervisorApi): Promise<Server> {
  const socket = controlSocket(layout);
  rmSync(socket, { force: true });
  const server = createServer((req, res) => {
    answer(api, req).then(
      (body) => reply(res, 200, body),
      (error: unknown) => reply(res, 500, { error: error instanceof Error ? error.message : String(error) }),
    );
  });
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject);
    server.listen(socket, resolve);
  });
  chmodSync(socket, 0o600);
  return server;
}

async function answer(api: SupervisorApi, req: IncomingMessage): Promise<unknown> {
  const url = new URL(req.url ?? '/', 'http://supervisor');
  if (req.method === 'GET' && url.pathname === '/') {
    return { build: api.build };
  }
  if (req.method === 'GET' && url.pathname === '/processes') {
    return api.states();
  }
  if (req.method === 'POST' && url.pathname.startsWith('/processes/')) {
    return { outcome: await api.ensure(url.pathname.slice('/processes/'.length)) };
  }
  throw new Error(`there is no ${req.method} ${url.pathname}`);
}

function reply(res: ServerResponse, status: number, body: unknown): void {
  res.writeHead(status, { 'content-type': 'application/json' }).end(JSON.stringify(body));
}

/**
 * Nobody listens: there is no socket, it is a dead one's, or who listened ended while it was asked. All else is of a
 * supervisor that is there.
 */
function isAbsence(error: unknown): boolean {
  const code = ((error as Error).cause as NodeJS.ErrnoException | undefined)?.code;
  return code !== undefined && ['ENOENT', 'ECONNREFUSED', 'ECONNRESET', 'EPIPE'].includes(code);
}

/** The supervisor as the other commands see it. */
export class SupervisorClient {
  constructor(private readonly layout: Layout) {}

  /** Rejects with the supervisor's reason, or when none answers. */
  async ensure(spec: ProcessSpec): Promise<'started' | 'running'> {
    // It may first have to end one with another command.
    const timeoutMs = (spec.stopTimeoutMs ?? 10_000) + 30_000;
    const path = `/processes/${processId(this.layout, spec)}`;
    return ((await this.ask('POST', path, timeoutMs)) as { outcome: 'started' | 'running' }).outcome;
  }

  /** The build of the supervisor that answers; undefined when there is none. Rejects when one is there and fails to. */
  async build(): Promise<string | undefined> {
    try {
      return ((await this.ask('GET', '/', 20_000)) as { build: string }).build;
    } catch (error) {
      if (isAbsence(error)) {
        return undefined;
      }
      throw error;
    }
  }

  states(): Promise<Record<string, KeptState>> {
    return this.ask('GET', '/processes', 5000) as Promise<Record<string, KeptState>>;
  }

  private ask(method: string, path: string, timeoutMs: number): Promise<unknown> {
    return new Promise((resolve, reject) => {
      const fail = (cause: Error) =>
        reject(new Error(`the supervisor of cluster ${this.layout.name}: ${cause.message}`, { cause }));
      const options = { socketPath: controlSocket(this.layout), method, path, timeout: timeoutMs, agent: false };
      const req = request(options, (res) => {
        let text = '';
        res.setEncoding('utf8');
        res.on('data', (chunk: string) => {
          text += chunk;
        });
        res.once('error', fail);
        res.once('end', () => {
          try {
            const body = JSON.parse(text) as { error?: string };
            if (res.statusCode !== 200) {
              throw new Error(body.error ?? `HTTP ${res.statusCode}`);
            }
            resolve(body);
          } catch (error) {
            fail(error as Error);
          }
        });
      });
      req.once('timeout', () => req.destroy(new Error(`no answer within ${timeoutMs / 1000} s`)));
      req.once('error', fail);
      req.end();
    });
  }
}
