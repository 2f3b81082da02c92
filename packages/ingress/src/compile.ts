import { createHash } from 'node:crypto';
import type { V1EndpointSlice, V1Ingress, V1IngressBackend, V1Secret, V1Service } from '@kubelab/api';
import type { Certificate, Location, ProxyModel, Server, Upstream } from './model.js';

/** The cluster as the compiler sees it. */
export interface Sources {
  service(namespace: string, name: string): V1Service | undefined;
  slices(namespace: string, service: string): V1EndpointSlice[];
  secret(namespace: string, name: string): V1Secret | undefined;
}

/** Called for what can't be served, once a compilation; the rest goes on. */
export type Complain = (ingress: V1Ingress, message: string) => void;

const prefix = 'nginx.ingress.kubernetes.io/';

/**
 * Turns Ingresses into servers and upstreams. Older Ingresses come first: of two rules for the same host and path the
 * first wins, so that nobody takes over a path that is in use.
 */
export function compile(ingresses: V1Ingress[], sources: Sources, complain: Complain): ProxyModel {
  return new Compiler(sources, complain).compile(ingresses);
}

class Compiler {
  private readonly servers = new Map<string, Server>();
  private readonly upstreams = new Map<string, Upstream>();

  constructor(
    private readonly sources: Sources,
    private readonly complain: Complain,
  ) {}

  compile(ingresses: V1Ingress[]): ProxyModel {
    const created = (i: V1Ingress) => `${i.metadata?.creationTimestamp ?? ''} ${keyOf(i)}`;
    const sorted = [...ingresses].sort((a, b) => (created(a) < created(b) ? -1 : 1));
    this.server('');
    for (const i of sorted) this.addTls(i);
    for (const i of sorted) this.addRules(i);
    // Default backends last: they take what no rule of any Ingress took.
    for (const i of sorted) this.addDefault(i);
    return { servers: [...this.servers.values()], upstreams: [...this.upstreams.values()] };
  }

  private addTls(i: V1Ingress): void {
    for (const tls of i.spec?.tls ?? []) {
      if (!tls.secretName) continue;
      const certificate = this.certificate(i, tls.secretName);
      if (!certificate) continue;
      const hosts = tls.hosts && tls.hosts.length > 0 ? tls.hosts : (i.spec?.rules ?? []).map((r) => r.host ?? '');
      for (const host of hosts.length > 0 ? hosts : ['']) this.server(host).certificate ??= certificate;
    }
  }

  private addRules(i: V1Ingress): void {
    for (const rule of i.spec?.rules ?? []) {
      const server = this.server(rule.host ?? '');
      for (const p of rule.http?.paths ?? []) {
        const match = p.pathType === 'Exact' ? 'exact' : 'prefix';
        this.addLocation(server, i, p.path ?? '/', match, p.backend);
      }
    }
  }

  private addDefault(i: V1Ingress): void {
    const backend = i.spec?.defaultBackend;
    if (!backend) return;
    const hosts = (i.spec?.rules ?? []).map((r) => r.host ?? '');
    for (const host of new Set(hosts.length > 0 ? hosts : [''])) {
      this.addLocation(this.server(host), i, '/', 'prefix', backend);
    }
  }

  private addLocation(
    server: Server,
    i: V1Ingress,
    rawPath: string,
    match: 'exact' | 'prefix',
    b: V1IngressBackend,
  ): void {
    const path = match === 'prefix' && rawPath !== '/' ? rawPath.replace(/\/+$/, '') || '/' : rawPath;
    if (!/^\/[^\s"'{};\\]*$/.test(path)) {
      this.complain(i, `path ${JSON.stringify(rawPath)} cannot be served`);
      return;
    }
    if (server.locations.some((l) => l.path === path && l.match === match)) return;
    const note = (name: string) => i.metadata?.annotations?.[prefix + name];
    const hasTls = server.certificate !== undefined;
    const location: Location = {
      path,
      match,
      upstream: this.upstream(i, b),
      ingress: keyOf(i),
      redirectToTls: (hasTls && note('ssl-redirect') !== 'false') || note('force-ssl-redirect') === 'true',
      backendTls: note('backend-protocol') === 'HTTPS',
      maxBody: checked(note('proxy-body-size'), /^\d+[kmg]?$/i),
      rewrite: checked(note('rewrite-target'), /^\/[^\s"'{};\\$]*$/),
      readTimeoutSeconds: Number(checked(note('proxy-read-timeout'), /^\d+$/)) || undefined,
    };
    if (note('rewrite-target') !== undefined && location.rewrite === undefined) {
      this.complain(i, `${prefix}rewrite-target: only plain paths are supported`);
    }
    server.locations.push(location);
  }

  /** Name of the upstream of a backend; undefined: it has no ready endpoint. */
  private upstream(i: V1Ingress, b: V1IngressBackend): string | undefined {
    const namespace = i.metadata?.namespace ?? '';
    if (!b.service) {
      this.complain(i, 'resource backends are not supported');
      return undefined;
    }
    const { name, port } = b.service;
    const service = this.sources.service(namespace, name);
    const servicePort = service?.spec?.ports?.find((p) =>
      port?.name !== undefined ? p.name === port.name : p.port === port?.number,
    );
    if (!service || !servicePort) {
      this.complain(
        i,
        service ? `Service ${name} has no port ${port?.name ?? port?.number}` : `Service ${name} does not exist`,
      );
      return undefined;
    }
    const id = `${namespace}-${name}-${servicePort.port}`;
    const endpoints = new Set<string>();
    if (service.spec?.type === 'ExternalName') {
      this.complain(i, `Service ${name} is of type ExternalName, which is not supported`);
      return undefined;
    }
    for (const slice of this.sources.slices(namespace, name)) {
      const target = (slice.ports ?? []).find((p) => (p.name ?? '') === (servicePort.name ?? ''))?.port;
      if (target === undefined) continue;
      for (const e of slice.endpoints ?? []) {
        const ip = e.addresses[0];
        if (e.conditions?.ready === false || !ip) continue;
        endpoints.add(ip.includes(':') ? `[${ip}]:${target}` : `${ip}:${target}`);
      }
    }
    if (endpoints.size === 0) return undefined;
    this.upstreams.set(id, { name: id, endpoints: [...endpoints].sort() });
    return id;
  }

  private certificate(i: V1Ingress, secretName: string): Certificate | undefined {
    const namespace = i.metadata?.namespace ?? '';
    const secret = this.sources.secret(namespace, secretName);
    const read = (key: string) => Buffer.from(secret?.data?.[key] ?? '', 'base64').toString('utf8');
    const [certPem, keyPem] = [read('tls.crt'), read('tls.key')];
    if (!certPem.includes('BEGIN CERTIFICATE') || !keyPem.includes('PRIVATE KEY')) {
      this.complain(i, `Secret ${secretName} ${secret ? 'holds no certificate and key' : 'does not exist'}`);
      return undefined;
    }
    // A name by content: files of an old certificate are never written over while nginx still reads them.
    const digest = createHash('sha256').update(certPem).update(keyPem).digest('hex').slice(0, 12);
    return { name: `${namespace}-${secretName}-${digest}`, certPem, keyPem };
  }

  private server(host: string): Server {
    const name = host.toLowerCase();
    let s = this.servers.get(name);
    if (!s) {
      s = { host: name, certificate: undefined, locations: [] };
      this.servers.set(name, s);
    }
    return s;
  }
}

/** The text if it matches; anything else would be written into nginx' configuration. */
function checked(text: string | undefined, pattern: RegExp): string | undefined {
  return text !== undefined && pattern.test(text) ? text : undefined;
}

function keyOf(i: V1Ingress): string {
  return `${i.metadata?.namespace ?? ''}/${i.metadata?.name ?? ''}`;
}
