import { Agent, request } from 'node:https';
import { isIP } from 'node:net';
import type { ServiceResolver } from '../../service-resolver.js';
import type { WebhookClientConfig } from './configuration.js';

/** An answer beyond this is refused. */
const maxAnswerBytes = 16 * 1024 * 1024;

interface Target {
  url: URL;
  /** Where to connect, when it is not the URL's host. */
  host?: string;
  port?: number;
  serverName: string;
}

/** Posts JSON to webhooks over TLS, keeping connections. */
export class WebhookClient {
  private readonly agents = new Map<string, Agent>();

  constructor(
    private readonly services: ServiceResolver,
    private readonly identity: { certPem?: string; keyPem?: string } = {},
  ) {}

  /** @throws Error in the words of Go's client: `Post "https://...": ...` */
  async post(config: WebhookClientConfig, body: unknown, timeoutMs: number): Promise<unknown> {
    const display = displayUrl(config, timeoutMs);
    try {
      const target = await this.target(config);
      target.url.searchParams.set('timeout', `${Math.ceil(timeoutMs / 1000)}s`);
      return await this.send(target, config.caBundle, JSON.stringify(body), timeoutMs);
    } catch (err) {
      throw new Error(`Post ${JSON.stringify(display)}: ${(err as Error).message}`, { cause: err });
    }
  }

  close(): void {
    for (const a of this.agents.values()) a.destroy();
    this.agents.clear();
  }

  private async target(config: WebhookClientConfig): Promise<Target> {
    if (config.url) {
      const url = new URL(config.url);
      return { url, serverName: url.hostname };
    }
    const s = config.service;
    if (!s) throw new Error('webhook configuration must have either service or URL');
    const port = s.port ?? 443;
    const at = await this.services.resolve(s.namespace, s.name, port);
    const url = new URL(`https://${at.serverName}:${port}${s.path ?? '/'}`);
    return { url, host: at.host, port: at.port, serverName: at.serverName };
  }

  private agent(caBundle: string | undefined): Agent {
    const key = caBundle ?? '';
    let agent = this.agents.get(key);
    if (!agent) {
      agent = new Agent({
        keepAlive: true,
        maxFreeSockets: 16,
        ...(caBundle ? { ca: Buffer.from(caBundle, 'base64').toString() } : {}),
        ...(this.identity.certPem ? { cert: this.identity.certPem } : {}),
        ...(this.identity.keyPem ? { key: this.identity.keyPem } : {}),
      });
      this.agents.set(key, agent);
    }
    return agent;
  }

  private send(target: Target, caBundle: string | undefined, body: string, timeoutMs: number): Promise<unknown> {
    return new Promise((resolve, reject) => {
      const deadline = setTimeout(() => req.destroy(new Error('context deadline exceeded')), timeoutMs);
      const done =
        <T>(fn: (value: T) => void) =>
        (value: T) => {
          clearTimeout(deadline);
          fn(value);
        };
      const req = request(
        {
          agent: this.agent(caBundle),
          method: 'POST',
          host: target.host ?? target.url.hostname.replace(/^\[|\]$/g, ''),
          port: target.port ?? (target.url.port || 443),
          path: `${target.url.pathname}${target.url.search}`,
          // TLS names no addresses; the certificate is checked against the address then.
          ...(isIP(target.serverName) === 0 ? { servername: target.serverName } : {}),
          headers: {
            host: target.url.host,
            'content-type': 'application/json',
            accept: 'application/json',
            'content-length': Buffer.byteLength(body),
            'user-agent': 'kube-apiserver-admission',
          },
        },
        (res) => {
          const chunks: Buffer[] = [];
          let size = 0;
          res.on('data', (c: Buffer) => {
            size += c.length;
            if (size > maxAnswerBytes) req.destroy(new Error('webhook answer is too large'));
            else chunks.push(c);
          });
          res.on('error', done(reject));
          res.on(
            'end',
            done(() => {
              const text = Buffer.concat(chunks).toString();
              if ((res.statusCode ?? 500) >= 300) {
                reject(new Error(`unexpected status ${res.statusCode}: ${text.slice(0, 1024)}`));
                return;
              }
              try {
                resolve(JSON.parse(text));
              } catch (err) {
                reject(new Error(`couldn't decode the answer: ${(err as Error).message}`));
              }
            }),
          );
        },
      );
      req.on('error', done(reject));
      req.end(body);
    });
  }
}

function displayUrl(config: WebhookClientConfig, timeoutMs: number): string {
  const timeout = `?timeout=${Math.ceil(timeoutMs / 1000)}s`;
  if (config.url) return `${config.url}${timeout}`;
  const s = config.service;
  return `https://${s?.name}.${s?.namespace}.svc:${s?.port ?? 443}${s?.path ?? '/'}${timeout}`;
}
