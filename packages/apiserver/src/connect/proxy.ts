import type { Agent } from 'node:https';
import type { ConnectionOptions } from 'node:tls';
import type { V1Endpoints, V1Service } from '@kubelab/api';
import { newBadRequest, newNotFound, newServiceUnavailable } from '@kubelab/apimachinery';
import { proxyUpgrade } from '@kubelab/streaming';
import type { ObjectAccess } from '../object-access.js';
import type { ConnectHandler, ConnectRequest } from './connector.js';
import type { KubeletConnection } from './kubelet-connection.js';
import { isHtml, passHttp } from './pass-http.js';
import { getPod } from './pod-target.js';
import { HtmlRewriter } from './rewrite-html.js';
import { rewriteUrl } from './rewrite-url.js';

/** A backend does not say which pages of others may read what the API server answers. */
const corsHeaders = ['credentials', 'headers', 'methods', 'origin'].map((x) => `access-control-allow-${x}`);

interface Backend {
  url: URL;
  tls?: ConnectionOptions;
  agent?: Agent;
}

/** `[scheme:]name[:port]` of a proxy request's name. @throws StatusError BadRequest */
export function splitSchemeNamePort(id: string): { scheme: string; name: string; port: string } {
  const parts = id.split(':');
  const bad = () => newBadRequest(`invalid service request ${JSON.stringify(id)}`);
  const [a = '', b = '', c = ''] = parts;
  if (parts.length === 1) return { scheme: '', name: a, port: '' };
  if (parts.length === 2) {
    if (a === '' || b === '') throw bad();
    return { scheme: '', name: a, port: b };
  }
  if (parts.length === 3 && b !== '' && ['', 'http', 'https'].includes(a)) return { scheme: a, name: b, port: c };
  throw bad();
}

const host = (address: string) => (address.includes(':') ? `[${address}]` : address);

function backend(scheme: string, address: string, port: number | string): Backend {
  const url = new URL(`${scheme || 'http'}://${host(address)}${port === '' ? '' : `:${port}`}`);
  // What is behind a proxy has no certificate for that address: not verified, as in Kubernetes.
  return url.protocol === 'https:' ? { url, tls: { rejectUnauthorized: false } } : { url };
}

async function podBackend(objects: ObjectAccess, c: ConnectRequest): Promise<Backend> {
  const { scheme, name, port } = splitSchemeNamePort(c.name);
  const pod = await getPod(objects, c.namespace, name);
  const ip = pod.status?.podIP;
  if (!ip) throw newBadRequest('address not allowed');
  if (port !== '' && !/^\d+$/.test(port)) throw newBadRequest(`invalid port ${JSON.stringify(port)}`);
  const first = (pod.spec?.containers ?? []).flatMap((x) => x.ports ?? [])[0]?.containerPort;
  return backend(scheme, ip, port || first || '');
}

async function serviceBackend(objects: ObjectAccess, c: ConnectRequest): Promise<Backend> {
  const { scheme, name, port } = splitSchemeNamePort(c.name);
  const services = { group: '', resource: 'services' };
  const service = (await objects.get(services, c.namespace, name)) as unknown as V1Service | undefined;
  if (!service) throw newNotFound(services, name);
  const ports = service.spec?.ports ?? [];
  const found =
    port === '' && ports.length === 1
      ? ports[0]
      : ports.find((p) => (/^\d+$/.test(port) ? p.port === Number(port) : (p.name ?? '') === port));
  const noEndpoints = () => newServiceUnavailable(`no endpoints available for service ${JSON.stringify(name)}`);
  if (!found) {
    if (!/^\d+$/.test(port)) throw noEndpoints();
    throw newServiceUnavailable(`no service port ${port} found for service ${JSON.stringify(name)}`);
  }
  if (service.spec?.type === 'ExternalName') return backend(scheme, service.spec.externalName ?? '', found.port);
  const endpoints = (await objects.get({ group: '', resource: 'endpoints' }, c.namespace, name)) as unknown as
    | V1Endpoints
    | undefined;
  const candidates: [string, number][] = [];
  for (const subset of endpoints?.subsets ?? []) {
    for (const p of subset.ports ?? []) {
      if ((p.name ?? '') !== (found.name ?? '')) continue;
      for (const a of subset.addresses ?? []) candidates.push([a.ip, p.port]);
    }
  }
  const pick = candidates[Math.floor(Math.random() * candidates.length)];
  if (!pick) throw noEndpoints();
  return backend(scheme, pick[0], pick[1]);
}

async function nodeBackend(objects: ObjectAccess, kubelets: KubeletConnection, c: ConnectRequest): Promise<Backend> {
  const { scheme, name, port } = splitSchemeNamePort(c.name);
  const kubelet = await kubelets.urlOf(name);
  if (port === '' || port === kubelet.port) return { url: kubelet, tls: kubelets.tls, agent: kubelets.agent };
  const node = await objects.get({ group: '', resource: 'nodes' }, '', name);
  if (!node) throw newNotFound({ group: '', resource: 'nodes' }, name);
  return backend(scheme, kubelets.addressOf(node), port);
}

/** pods/proxy, services/proxy and nodes/proxy: any method, upgrades included. */
export function proxyHandler(objects: ObjectAccess, kubelets: KubeletConnection): ConnectHandler {
  return async (c) => {
    const [path = '', ...queries] = (c.req.url ?? '').split('?');
    // As it came: a backend may tell apart what decoding and encoding again makes equal.
    const query = queries.join('?');
    if (c.subpath === '' && c.res && (c.req.method === 'GET' || c.req.method === 'HEAD')) {
      // Relative links of the page must resolve below the proxy's path.
      c.res.writeHead(301, { location: `${path}/${query ? `?${query}` : ''}`, 'content-length': 0 });
      c.res.end();
      return;
    }
    const to =
      c.resource === 'pods'
        ? await podBackend(objects, c)
        : c.resource === 'services'
          ? await serviceBackend(objects, c)
          : await nodeBackend(objects, kubelets, c);
    const target = new URL(to.url);
    target.pathname = c.subpath || '/';
    target.search = query;
    const prefix = c.subpath === '' ? path : path.slice(0, path.length - c.subpath.length);
    if (c.upgrade) {
      await proxyUpgrade(c.req, c.upgrade.socket, c.upgrade.head, target, { ...(to.tls ? { tls: to.tls } : {}) });
      return;
    }
    if (!c.res) return;
    const rewrite = (url: string) => rewriteUrl(url, target, c.req.headers.host ?? '', prefix);
    try {
      await passHttp(c.req, c.res, target, {
        ...(to.tls ? { tls: to.tls } : {}),
        ...(to.agent ? { agent: to.agent } : {}),
        drop: ['authorization'],
        headers: {
          'x-forwarded-for': c.req.socket.remoteAddress ?? '',
          'x-forwarded-uri': path,
          'x-forwarded-host': c.req.headers.host ?? '',
          'x-forwarded-proto': 'https',
        },
        rewriteHeaders: (h) => {
          for (const name of corsHeaders) delete h[name];
          const location = h.location;
          if (typeof location === 'string') h.location = rewrite(location);
        },
        rewriteBody: (answer) => (isHtml(answer) ? new HtmlRewriter(rewrite) : undefined),
      });
    } catch (err) {
      throw newServiceUnavailable(`error trying to reach service: ${(err as Error).message}`);
    }
  };
}
