import { Agent, request } from 'node:https';
import type { ConnectionOptions } from 'node:tls';
import type { V1APIServiceSpec } from '@kubelab/api';
import type { ServiceResolver } from '../service-resolver.js';
import type { RemoteResource } from './api-service.js';

/** The client certificate by which extension servers know this server (--proxy-client-cert-file). */
export interface ProxyIdentity {
  certPem?: string;
  keyPem?: string;
}

const checkTimeoutMs = 5_000;

/** The extension server behind an APIService. */
export class RemoteServer {
  readonly tls: ConnectionOptions;
  readonly agent: Agent;

  constructor(
    readonly spec: V1APIServiceSpec,
    identity: ProxyIdentity,
    private readonly resolver: ServiceResolver,
  ) {
    const { name = '', namespace = '' } = spec.service ?? {};
    this.tls = {
      ...(identity.certPem ? { cert: identity.certPem } : {}),
      ...(identity.keyPem ? { key: identity.keyPem } : {}),
      ...(spec.caBundle ? { ca: Buffer.from(spec.caBundle, 'base64').toString('utf8') } : {}),
      servername: `${name}.${namespace}.svc`,
      rejectUnauthorized: spec.insecureSkipTLSVerify !== true,
    };
    this.agent = new Agent({ ...this.tls, keepAlive: true, maxFreeSockets: 8 });
  }

  /** Where to send a request now. @throws StatusError ServiceUnavailable */
  async target(path: string): Promise<URL> {
    const { name = '', namespace = '', port = 443 } = this.spec.service ?? {};
    const address = await this.resolver.resolve(namespace, name, port);
    const host = address.host.includes(':') ? `[${address.host}]` : address.host;
    return new URL(`https://${host}:${address.port}${path}`);
  }

  /** Asks for the discovery document of its group and version. Rejects when it does not answer as it should. */
  async discover(): Promise<RemoteResource[]> {
    const path = `/apis/${this.spec.group}/${this.spec.version}`;
    const { status, body } = await this.fetch(path);
    if (status !== 200) throw new Error(`bad status from ${path}: ${status}`);
    const document = JSON.parse(body.toString('utf8')) as { resources?: RemoteResource[] };
    return document.resources ?? [];
  }

  close(): void {
    this.agent.destroy();
  }

  /** GET in the aggregator's own name; with the etag of what is known, the answer may be 304. */
  async fetch(path: string, etag = ''): Promise<{ status: number; etag: string; body: Buffer }> {
    const target = await this.target(path);
    return new Promise((resolve, reject) => {
      const req = request(
        target,
        {
          ...this.tls,
          agent: this.agent,
          timeout: checkTimeoutMs,
          headers: {
            accept: 'application/json',
            'x-remote-user': 'system:kube-aggregator',
            'x-remote-group': 'system:masters',
            ...(etag ? { 'if-none-match': etag } : {}),
          },
        },
        (res) => {
          const chunks: Buffer[] = [];
          res.on('data', (chunk: Buffer) => chunks.push(chunk));
          res.on('error', reject);
          res.on('end', () => {
            const tag = String(res.headers.etag ?? '');
            resolve({ status: res.statusCode ?? 0, etag: tag, body: Buffer.concat(chunks) });
          });
        },
      );
      req.on('timeout', () => req.destroy(new Error(`Get ${JSON.stringify(target.href)}: timed out`)));
      req.on('error', reject);
      req.end();
    });
  }
}
