import { isIP, isIPv6 } from 'node:net';
import type {
  V1EndpointSlice,
  V1Ingress,
  V1IngressBackend,
  V1Secret,
  V1Service,
  V1ServiceBackendPort,
  V1ServicePort,
} from '@kubelab/api';
import { certificateOf } from './certificate.js';
import type { Certificate, Location, ProxyModel, Server, Upstream } from './model.js';

/** The cluster as the compiler sees it. */
export interface Sources {
  service(namespace: string, name: string): V1Service | undefined;
  slices(namespace: string, service: string): V1EndpointSlice[];
  secret(namespace: string, name: string): V1Secret | undefined;
  /** What is known of the addresses of a host name outside of the cluster. */
  externalAddresses(host: string): string[];
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

/** Oldest first, then by name. */
export function byAge(ingresses: V1Ingress[]): V1Ingress[] {
  const age = (i: V1Ingress) => `${i.metadata?.creationTimestamp ?? ''} ${keyOf(i)}`;
  return [...ingresses].sort((a, b) => (age(a) < age(b) ? -1 : 1));
}

class Compiler {
  private readonly servers = new Map<string, Server>();
  private readonly upstreams = new Map<string, Upstream>();

  constructor(
    private readonly sources: Sources,
    private readonly complain: Complain,
  ) {}

  compile(ingresses: V1Ingress[]): ProxyModel {
    const sorted = byAge(ingresses);
    this.server('');
    for (const i of sorted) this.addTls(i);
    for (const i of sorted) this.addRules(i);
    // Default backends last: they take what no rule of any Ingress took.
    for (const i of sorted) if (!i.spec?.rules?.length) this.addDefault(i);
    for (const i of sorted) if (i.spec?.rules?.length) this.addDefault(i);
    this.spreadDefault();
    return { servers: [...this.servers.values()], upstreams: [...this.upstreams.values()] };
  }

  private addTls(i: V1Ingress): void {
    for (const tls of i.spec?.tls ?? []) {
      if (!tls.secretName) continue;
      const certificate = this.certificate(i, tls.secretName);
      if (!certificate) continue;
      const rules = (i.spec?.rules ?? []).map((r) => r.host ?? '');
      const hosts = tls.hosts && tls.hosts.length > 0 ? tls.hosts : rules;
      for (const host of hosts.length > 0 ? hosts : ['']) {
        this.server(host).certificate ??= certificate;
        // One for a wildcard serves the hosts of this Ingress that it covers.
        for (const rule of rules.filter((r) => covers(host, r))) this.server(rule).certificate ??= certificate;
      }
    }
  }

  private addRules(i: V1Ingress): void {
    for (const rule of i.spec?.rules ?? []) {
      const server = this.server(rule.host ?? '');
      for (const p of rule.http?.paths ?? []) {
        const match = p.pathType === 'Exact' ? 'exact' : 'prefix';
        this.addLocation(server, i, p.path || '/', match, p.backend);
      }
    }
  }

  /** What no rule of this Ingress matches: for its own hosts, and for those that nobody has rules for. */
  private addDefault(i: V1Ingress): void {
    const backend = i.spec?.defaultBackend;
    if (!backend) return;
    const hosts = (i.spec?.rules ?? []).map((r) => r.host ?? '');
    for (const host of new Set([...hosts, ''])) this.addLocation(this.server(host), i, '/', 'prefix', backend);
  }

  /** A request whose host has rules, but none for its path, is the default backend's, too. */
  private spreadDefault(): void {
    const root = (s: Server) => s.locations.find((l) => l.path === '/' && l.match === 'prefix');
    const fallback = root(this.server(''));
    if (!fallback?.isDefault) return;
    for (const s of this.servers.values()) {
      if (!root(s)) s.locations.push({ ...fallback, redirectToTls: s.certificate ? fallback.redirectToTls : false });
    }
  }

  private addLocation(
    server: Server,
    i: V1Ingress,
    rawPath: string,
    match: 'exact' | 'prefix',
    b: V1IngressBackend,
  ): void {
    const decoded = decodePath(rawPath);
    if (decoded === undefined) {
      this.complain(i, `path ${JSON.stringify(rawPath)} cannot be served`);
      return;
    }
    const path = match === 'prefix' ? decoded.replace(/\/+$/, '') || '/' : decoded;
    if (server.locations.some((l) => l.path === path && l.match === match)) return;
    const note = (name: string) => i.metadata?.annotations?.[prefix + name];
    const hasTls = server.certificate !== undefined;
    const location: Location = {
      path,
      match,
      upstream: this.upstream(i, b),
      ingress: keyOf(i),
      isDefault: b === i.spec?.defaultBackend,
      redirectToTls: (hasTls && note('ssl-redirect') !== 'false') || note('force-ssl-redirect') === 'true',
      backendTls: note('backend-protocol') === 'HTTPS',
      maxBody: checked(note('proxy-body-size'), /^\d+[kmg]?$/i),
      rewrite: checked(note('rewrite-target'), /^\/[^\s"'{};\\$]*$/),
      readTimeoutSeconds: Number(checked(note('proxy-read-timeout'), /^\d{1,6}$/)) || undefined,
    };
    if (note('rewrite-target') !== undefined && location.rewrite === undefined) {
      this.complain(i, `${prefix}rewrite-target: only plain paths are supported`);
    }
    server.locations.push(location);
  }

  /** Name of the upstream of a backend; undefined: it can't have one. */
  private upstream(i: V1Ingress, b: V1IngressBackend): string | undefined {
    const namespace = i.metadata?.namespace ?? '';
    if (!b.service) {
      this.complain(i, 'resource backends are not supported');
      return undefined;
    }
    const { name, port } = b.service;
    const id = `${namespace}/${name}/${port?.name ?? port?.number}`;
    if (!/^[\w./-]+$/.test(id)) {
      this.complain(i, `backend ${JSON.stringify(id)} cannot be served`);
      return undefined;
    }
    if (!this.upstreams.has(id)) {
      const service = this.sources.service(namespace, name);
      const endpoints = service ? this.endpoints(service, port) : `Service ${name} does not exist`;
      if (typeof endpoints === 'string') this.complain(i, endpoints);
      const known = typeof endpoints === 'string' ? [] : endpoints;
      this.upstreams.set(id, { name: id, endpoints: [...new Set(known)].sort() });
    }
    return id;
  }

  /** Addresses of the ready endpoints of a Service's port, or what is wrong. */
  private endpoints(service: V1Service, port: V1ServiceBackendPort | undefined): string[] | string {
    const { namespace = '', name = '' } = service.metadata ?? {};
    const found = service.spec?.ports?.find((p) =>
      port?.name !== undefined ? p.name === port.name : p.port === port?.number,
    );
    if (service.spec?.type === 'ExternalName') return this.external(service, found, port);
    if (!found) return `Service ${name} has no port ${port?.name ?? port?.number}`;
    const slices = this.sources.slices(namespace, name);
    return slices.flatMap((slice) => {
      const target = (slice.ports ?? []).find((p) => (p.name ?? '') === (found.name ?? ''))?.port;
      if (target === undefined) return [];
      const ready = (slice.endpoints ?? []).filter((e) => e.conditions?.ready !== false && e.addresses[0]);
      return ready.map((e) => socketAddress(e.addresses[0] ?? '', target));
    });
  }

  /** An ExternalName needs no ports: the Ingress' own number is taken then. */
  private external(
    service: V1Service,
    found: V1ServicePort | undefined,
    port: V1ServiceBackendPort | undefined,
  ): string[] | string {
    const target = typeof found?.targetPort === 'number' ? found.targetPort : (found?.port ?? port?.number);
    if (!target) return `Service ${service.metadata?.name} has no port ${port?.name}`;
    const host = service.spec?.externalName ?? '';
    const addresses = isIP(host) ? [host] : this.sources.externalAddresses(host);
    return addresses.map((ip) => socketAddress(ip, target));
  }

  private certificate(i: V1Ingress, secretName: string): Certificate | undefined {
    const secret = this.sources.secret(i.metadata?.namespace ?? '', secretName);
    const found = secret ? certificateOf(secret) : 'does not exist';
    if (typeof found !== 'string') return found;
    this.complain(i, `Secret ${secretName} ${found}`);
    return undefined;
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

/** nginx compares decoded paths. Undefined for what is no path, or would end what it is written into. */
function decodePath(path: string): string | undefined {
  let decoded: string;
  try {
    decoded = decodeURI(path);
  } catch {
    // Not an encoding at all: then a percent sign is meant.
    decoded = path;
  }
  // biome-ignore lint/suspicious/noControlCharactersInRegex: they are what is looked for
  return /^\/[^\x00-\x1f\x7f"\\]*$/.test(decoded) ? decoded : undefined;
}

/** True if a wildcard host covers another, by one label. */
function covers(wildcard: string, host: string): boolean {
  return wildcard.startsWith('*.') && host.slice(host.indexOf('.')) === wildcard.slice(1) && host.indexOf('.') > 0;
}

function socketAddress(ip: string, port: number): string {
  return isIPv6(ip) ? `[${ip}]:${port}` : `${ip}:${port}`;
}

/** The text if it matches; anything else would be written into nginx' configuration. */
function checked(text: string | undefined, pattern: RegExp): string | undefined {
  return text !== undefined && pattern.test(text) ? text : undefined;
}

function keyOf(i: V1Ingress): string {
  return `${i.metadata?.namespace ?? ''}/${i.metadata?.name ?? ''}`;
}
