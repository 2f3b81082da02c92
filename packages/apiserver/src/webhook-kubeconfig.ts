import { readFileSync } from 'node:fs';
import { Agent as HttpAgent, request as httpRequest, type IncomingMessage } from 'node:http';
import { Agent, request as httpsRequest } from 'node:https';
import { dirname, resolve } from 'node:path';
import { parse } from 'yaml';

interface KubeconfigFile {
  'current-context'?: string;
  contexts?: { name: string; context: { cluster?: string; user?: string } }[];
  clusters?: { name: string; cluster: Record<string, string | boolean | undefined> }[];
  users?: { name: string; user: Record<string, string | undefined> }[];
}

/**
 * Posts JSON to the server that a kubeconfig file names: the form in which Kubernetes configures its webhooks for
 * authentication, authorization and image policy.
 */
export class KubeconfigWebhook {
  private readonly url: URL;
  private readonly agent: Agent | HttpAgent;
  private readonly headers: Record<string, string> = {};

  /** @throws Error when the file can't be read or names no server */
  constructor(path: string) {
    const file = (parse(readFileSync(path, 'utf8')) ?? {}) as KubeconfigFile;
    const context =
      (file.contexts ?? []).find((c) => c.name === file['current-context'])?.context ?? file.contexts?.[0]?.context;
    const cluster = ((file.clusters ?? []).find((c) => c.name === context?.cluster) ?? file.clusters?.[0])?.cluster;
    const user = ((file.users ?? []).find((u) => u.name === context?.user) ?? file.users?.[0])?.user ?? {};
    const server = cluster?.server;
    if (typeof server !== 'string') throw new Error(`${path}: no server in kubeconfig`);
    this.url = new URL(server);
    const from = (holder: Record<string, unknown> | undefined, name: string): string | undefined => {
      const data = holder?.[`${name}-data`];
      if (typeof data === 'string' && data !== '') return Buffer.from(data, 'base64').toString();
      const at = holder?.[name];
      return typeof at === 'string' && at !== '' ? readFileSync(resolve(dirname(path), at), 'utf8') : undefined;
    };
    const ca = from(cluster, 'certificate-authority');
    const cert = from(user, 'client-certificate');
    const key = from(user, 'client-key');
    this.agent =
      this.url.protocol === 'https:'
        ? new Agent({
            keepAlive: true,
            ...(ca ? { ca } : {}),
            ...(cert ? { cert } : {}),
            ...(key ? { key } : {}),
            rejectUnauthorized: cluster?.['insecure-skip-tls-verify'] !== true,
          })
        : new HttpAgent({ keepAlive: true });
    if (user.token) this.headers.authorization = `Bearer ${user.token}`;
    else if (user.username) {
      this.headers.authorization = `Basic ${Buffer.from(`${user.username}:${user.password ?? ''}`).toString('base64')}`;
    }
  }

  /** @throws Error when there is no answer in time, or none of 2xx with JSON */
  post(body: unknown, timeoutMs = 30_000): Promise<unknown> {
    const text = JSON.stringify(body);
    const make = this.url.protocol === 'https:' ? httpsRequest : httpRequest;
    return new Promise((done, fail) => {
      const req = make(this.url, {
        method: 'POST',
        agent: this.agent,
        timeout: timeoutMs,
        headers: {
          ...this.headers,
          'content-type': 'application/json',
          accept: 'application/json',
          'content-length': Buffer.byteLength(text),
        },
      });
      req.once('timeout', () => req.destroy(new Error('webhook did not answer in time')));
      req.once('error', fail);
      req.once('response', (res: IncomingMessage) => {
        let answer = '';
        res.setEncoding('utf8');
        res.on('data', (c: string) => {
          answer += c;
          if (answer.length > 1024 * 1024) req.destroy(new Error('webhook answer is too large'));
        });
        res.once('error', fail);
        res.once('end', () => {
          if ((res.statusCode ?? 500) >= 300) {
            fail(new Error(`webhook answered ${res.statusCode}`));
            return;
          }
          try {
            done(JSON.parse(answer));
          } catch (err) {
            fail(err as Error);
          }
        });
      });
      req.end(text);
    });
  }

  close(): void {
    this.agent.destroy();
  }
}
