import type { IncomingMessage, ServerResponse } from 'node:http';
import type { Duplex } from 'node:stream';
import { newServiceUnavailable } from '@kubelab/apimachinery';
import { proxyUpgrade } from '@kubelab/streaming';
import type { UserInfo } from '../authentication/index.js';
import { passHttp } from '../connect/pass-http.js';
import type { Aggregator } from './aggregator.js';
import type { RemoteServer } from './remote-server.js';

/** What a client says about itself must not reach an extension server: it trusts these headers. */
function isIdentity(header: string): boolean {
  return (
    header === 'authorization' ||
    header === 'cookie' ||
    header.startsWith('x-remote-') ||
    header.startsWith('impersonate-')
  );
}

function identityHeaders(user: UserInfo): Record<string, string | string[]> {
  const headers: Record<string, string | string[]> = { 'x-remote-user': user.name, 'x-remote-group': user.groups };
  if (user.uid) headers['x-remote-uid'] = user.uid;
  for (const [key, values] of Object.entries(user.extra ?? {})) {
    headers[`x-remote-extra-${encodeURIComponent(key.toLowerCase())}`] = values;
  }
  return headers;
}

/** Passes authorized requests on to extension servers, in the user's name. */
export class AggregationProxy {
  constructor(private readonly aggregator: Aggregator) {}

  /** Whether the path is an extension server's. */
  handles(path: string): boolean {
    return this.aggregator.find(path) !== undefined;
  }

  /** @throws StatusError ServiceUnavailable */
  async serve(req: IncomingMessage, res: ServerResponse, path: string, user: UserInfo): Promise<void> {
    const { server, target } = await this.resolve(req, path);
    const drop = Object.keys(req.headers).filter(isIdentity);
    try {
      await passHttp(req, res, target, {
        agent: server.agent,
        tls: server.tls,
        drop,
        // Lists of values are sent as so many headers of the name.
        headers: { ...forwarded(req), ...(identityHeaders(user) as Record<string, string>) },
      });
    } catch (error) {
      throw newServiceUnavailable(`error trying to reach service: ${(error as Error).message}`);
    }
  }

  /** @throws StatusError ServiceUnavailable */
  async upgrade(req: IncomingMessage, socket: Duplex, head: Buffer, path: string, user: UserInfo): Promise<void> {
    const { server, target } = await this.resolve(req, path);
    await proxyUpgrade(req, socket, head, target, {
      tls: server.tls,
      dropHeaders: Object.keys(req.headers).filter(isIdentity),
      headers: { ...forwarded(req), ...(identityHeaders(user) as Record<string, string>) },
    });
  }

  private async resolve(req: IncomingMessage, path: string): Promise<{ server: RemoteServer; target: URL }> {
    const found = this.aggregator.find(path);
    if (!found?.available) throw newServiceUnavailable('service unavailable');
    return { server: found.server, target: await found.server.target(req.url ?? '/') };
  }
}

function forwarded(req: IncomingMessage): Record<string, string> {
  const address = (req.socket.remoteAddress ?? '').replace(/^::ffff:/, '');
  const before = req.headers['x-forwarded-for'];
  return { 'x-forwarded-for': before ? `${before}, ${address}` : address, 'x-forwarded-proto': 'https' };
}
