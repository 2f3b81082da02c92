import type { V1Endpoint, V1EndpointSlice, V1Service } from '@kubelab/api';
import { canonicalIp } from '../wire/reverse.js';

/** Names in lower case. */
export interface NamedPort {
  name: string;
  protocol: string;
  port: number;
}

/** A ready endpoint of a Service, under the name it has in DNS. */
export interface NamedEndpoint {
  ip: string;
  /** The endpoint's hostname, else its address with dashes. */
  label: string;
  ports: NamedPort[];
}

/** What the cluster's names are made of. Kept by events, read by lookups; holds nothing that is not derived from them. */
export class ClusterState {
  private readonly services = new Map<string, V1Service>();
  private readonly slices = new Map<string, Map<string, V1EndpointSlice>>();
  private readonly namespaces = new Set<string>();
  /** Cluster IP to `namespace/name`. */
  private readonly byClusterIp = new Map<string, string>();
  /** Pod IP to the Services that have it as an endpoint. */
  private readonly byEndpointIp = new Map<string, Set<string>>();
  private changes = 0;
  private changedAtMs = Date.now();

  /** Another number after each change: what was derived from an older state is out of date. */
  get generation(): number {
    return this.changes;
  }

  /** Time of the last change in Unix seconds: the zone's serial. */
  get changedAtSeconds(): number {
    return Math.floor(this.changedAtMs / 1000);
  }

  private touch(): void {
    this.changes++;
    this.changedAtMs = Date.now();
  }

  service(namespace: string, name: string): V1Service | undefined {
    return this.services.get(`${namespace}/${name}`);
  }

  hasNamespace(name: string): boolean {
    return this.namespaces.has(name);
  }

  setNamespace(name: string, exists: boolean): void {
    this.touch();
    if (exists) this.namespaces.add(name);
    else this.namespaces.delete(name);
  }

  setService(service: V1Service): void {
    this.touch();
    this.removeService(service);
    const key = keyOf(service);
    this.services.set(key, service);
    for (const ip of clusterIps(service)) this.byClusterIp.set(canonicalIp(ip), key);
  }

  removeService(service: V1Service): void {
    this.touch();
    const key = keyOf(service);
    const before = this.services.get(key);
    if (!before) return;
    for (const ip of clusterIps(before).map(canonicalIp)) {
      // The address may be another's already.
      if (this.byClusterIp.get(ip) === key) this.byClusterIp.delete(ip);
    }
    this.services.delete(key);
  }

  setSlice(slice: V1EndpointSlice): void {
    this.touch();
    const key = sliceService(slice);
    this.removeSlice(slice);
    if (!key || slice.addressType === 'FQDN') return;
    let slices = this.slices.get(key);
    if (!slices) {
      slices = new Map();
      this.slices.set(key, slices);
    }
    slices.set(slice.metadata?.name ?? '', slice);
    for (const ip of addresses(slice)) {
      const owners = this.byEndpointIp.get(ip) ?? new Set();
      this.byEndpointIp.set(ip, owners.add(key));
    }
  }

  removeSlice(slice: V1EndpointSlice): void {
    this.touch();
    const key = sliceService(slice);
    const slices = key ? this.slices.get(key) : undefined;
    const before = slices?.get(slice.metadata?.name ?? '');
    if (!key || !slices || !before) return;
    slices.delete(slice.metadata?.name ?? '');
    if (slices.size === 0) this.slices.delete(key);
    const still = new Set([...slices.values()].flatMap(addresses));
    for (const ip of addresses(before)) {
      if (still.has(ip)) continue;
      const owners = this.byEndpointIp.get(ip);
      owners?.delete(key);
      if (owners?.size === 0) this.byEndpointIp.delete(ip);
    }
  }

  /** Ready endpoints of a Service in the order of their addresses. */
  endpoints(namespace: string, name: string): NamedEndpoint[] {
    const found = new Map<string, NamedEndpoint>();
    for (const slice of this.slices.get(`${namespace}/${name}`)?.values() ?? []) {
      const ports = (slice.ports ?? []).map((p) => ({
        name: p.name?.toLowerCase() ?? '',
        protocol: (p.protocol ?? 'TCP').toLowerCase(),
        port: p.port ?? 0,
      }));
      for (const e of slice.endpoints ?? []) {
        if (!isPublished(e)) continue;
        for (const ip of e.addresses) {
          const label = e.hostname?.toLowerCase() ?? addressLabel(ip);
          found.set(`${ip} ${slice.metadata?.name}`, { ip, label, ports });
        }
      }
    }
    return [...found.values()].sort((a, b) => (a.ip < b.ip ? -1 : a.ip > b.ip ? 1 : 0));
  }

  /** `namespace/name` of the Service with this cluster IP. */
  clusterIpOwner(ip: string): string | undefined {
    return this.byClusterIp.get(ip);
  }

  /** `namespace/name` of the Services that have this address as an endpoint. */
  endpointOwners(ip: string): string[] {
    return [...(this.byEndpointIp.get(ip) ?? [])].sort();
  }
}

/** Headless: the name leads to the endpoints themselves. */
export function isHeadless(s: V1Service): boolean {
  return s.spec?.type !== 'ExternalName' && (s.spec?.clusterIP === 'None' || !s.spec?.clusterIP);
}

export function clusterIps(s: V1Service): string[] {
  const list = s.spec?.clusterIPs ?? (s.spec?.clusterIP ? [s.spec.clusterIP] : []);
  return s.spec?.type === 'ExternalName' ? [] : list.filter((ip) => ip !== 'None' && ip !== '');
}

/** An address as a label; one that would end with a dash, which no label may, gets a 0. */
function addressLabel(ip: string): string {
  return ip.replace(/[.:]/g, '-').replace(/-$/, '-0').toLowerCase();
}

/** Ready; publishNotReadyAddresses is in the slice already, as ready endpoints. */
function isPublished(e: V1Endpoint): boolean {
  return e.conditions?.ready !== false;
}

function addresses(slice: V1EndpointSlice): string[] {
  return (slice.endpoints ?? []).flatMap((e) => e.addresses.map(canonicalIp));
}

function keyOf(s: V1Service): string {
  return `${s.metadata?.namespace ?? ''}/${s.metadata?.name ?? ''}`;
}

function sliceService(slice: V1EndpointSlice): string | undefined {
  const name = slice.metadata?.labels?.['kubernetes.io/service-name'];
  return name ? `${slice.metadata?.namespace ?? ''}/${name}` : undefined;
}
