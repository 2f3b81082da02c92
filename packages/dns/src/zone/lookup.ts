import { isIP, isIPv4, isIPv6 } from 'node:net';
import type { V1Service } from '@kubelab/api';
import type { Answer } from 'dns-packet';
import { canonicalIp, reverseAddress } from '../wire/reverse.js';
import { type ClusterState, clusterIps, isHeadless } from './state.js';

export interface ZoneOptions {
  /** Lower case, without the final dot: `cluster.local`. */
  domain: string;
  /** Seconds. */
  ttl: number;
}

/** An authoritative answer. `cname`: the chain goes on outside of the zone, where the resolver must follow it. */
export interface ZoneAnswer {
  rcode: 'NOERROR' | 'NXDOMAIN';
  answers: Answer[];
  additionals: Answer[];
  cname?: string;
}

/** Version of the DNS schema: https://github.com/kubernetes/dns/blob/master/docs/specification.md */
const schemaVersion = '1.1.0';

const noData = (): ZoneAnswer => ({ rcode: 'NOERROR', answers: [], additionals: [] });
const noName = (): ZoneAnswer => ({ rcode: 'NXDOMAIN', answers: [], additionals: [] });

/** Answers questions about the cluster's names as the Kubernetes DNS specification 1.1 says. Pure but for the state. */
export class ClusterZone {
  constructor(
    private readonly state: ClusterState,
    readonly options: ZoneOptions,
  ) {}

  /** `name` in lower case without the final dot. Undefined: not a name of this zone. */
  lookup(name: string, type: string): ZoneAnswer | undefined {
    const { domain } = this.options;
    if (name === domain) return this.apex(name, type);
    if (name.endsWith(`.${domain}`)) return this.inZone(name, name.slice(0, -domain.length - 1).split('.'), type);
    const ip = type === 'PTR' ? reverseAddress(name) : undefined;
    return ip === undefined ? undefined : this.reverse(name, ip);
  }

  /** For the authority section of negative answers. */
  soa(): Answer {
    const { domain, ttl } = this.options;
    const data = {
      mname: `ns.dns.${domain}`,
      rname: `hostmaster.${domain}`,
      // The zone is never transferred; the time is as good a serial as any.
      serial: Math.floor(Date.now() / 1000),
      refresh: 7200,
      retry: 1800,
      expire: 86400,
      minimum: Math.min(ttl, 30),
    };
    return { type: 'SOA', name: domain, ttl: Math.min(ttl, 30), data };
  }

  private apex(name: string, type: string): ZoneAnswer {
    if (type === 'SOA') return { ...noData(), answers: [this.soa()] };
    if (type === 'NS')
      return { ...noData(), answers: [{ type: 'NS', name, ttl: this.options.ttl, data: `ns.dns.${name}` }] };
    return noData();
  }

  /** `labels` are those left of the zone's name. */
  private inZone(name: string, labels: string[], type: string): ZoneAnswer {
    const { ttl } = this.options;
    const [last, second] = [labels.at(-1), labels.at(-2)];
    if (labels.length === 1) {
      if (last === 'dns-version') {
        return type === 'TXT' ? { ...noData(), answers: [{ type: 'TXT', name, ttl, data: schemaVersion }] } : noData();
      }
      return last === 'svc' || last === 'pod' || last === 'dns' ? noData() : noName();
    }
    if (last === 'dns') {
      const dns = this.state.service('kube-system', 'kube-dns');
      return labels.length === 2 && second === 'ns' && dns ? this.addresses(name, clusterIps(dns), type) : noName();
    }
    if ((last !== 'svc' && last !== 'pod') || second === undefined || !this.state.hasNamespace(second)) return noName();
    if (labels.length === 2) return noData();
    if (last === 'pod') return labels.length === 3 ? this.pod(name, labels[0] ?? '', type) : noName();
    const service = this.state.service(second, labels.at(-3) ?? '');
    return service ? this.ofService(name, labels.slice(0, -3), service, type) : noName();
  }

  /** `rest` are the labels left of the Service's name. */
  private ofService(name: string, rest: string[], service: V1Service, type: string): ZoneAnswer {
    const { ttl } = this.options;
    if (service.spec?.type === 'ExternalName') {
      if (rest.length > 0) return noName();
      const target = (service.spec.externalName ?? '').replace(/\.$/, '').toLowerCase();
      // An address where a name belongs (Kubernetes allows it) makes an answer of its own kind, not an alias.
      if (isIP(target)) return this.addresses(name, [target], type);
      const answers: Answer[] = [{ type: 'CNAME', name, ttl, data: target }];
      return { ...noData(), answers, ...(type === 'CNAME' ? {} : { cname: target }) };
    }
    const headless = isHeadless(service);
    const { namespace = '', name: serviceName = '' } = service.metadata ?? {};
    const endpoints = headless ? this.state.endpoints(namespace, serviceName) : [];
    if (rest.length === 0) {
      // The specification asks for NXDOMAIN, not an empty answer, of a headless Service without ready endpoints.
      if (headless && endpoints.length === 0) return noName();
      if (type === 'SRV') return this.srv(name, service, () => true);
      return this.addresses(name, headless ? endpoints.map((e) => e.ip) : clusterIps(service), type);
    }
    if (rest.length === 2 && rest[0]?.startsWith('_') && rest[1]?.startsWith('_')) {
      const [port, protocol] = [rest[0].slice(1), rest[1].slice(1)];
      const answer = this.srv(name, service, (p) => p.name === port && p.protocol === protocol);
      if (answer.answers.length === 0) return noName();
      return type === 'SRV' ? answer : noData();
    }
    if (rest.length !== 1) return noName();
    if (rest[0]?.startsWith('_')) {
      // `_tcp` exists if a named port lies below it: an empty non-terminal (RFC 8020).
      const protocol = rest[0].slice(1);
      const below = this.srv(name, service, (p) => p.protocol === protocol && p.name !== '');
      return below.answers.length > 0 ? noData() : noName();
    }
    const ips = endpoints.filter((e) => e.label === rest[0]).map((e) => e.ip);
    return ips.length > 0 ? this.addresses(name, ips, type) : noName();
  }

  /** SRV records of the named ports: to the Service, or to each endpoint of a headless one. */
  private srv(name: string, s: V1Service, wanted: (p: { name: string; protocol: string }) => boolean): ZoneAnswer {
    const { domain, ttl } = this.options;
    const { namespace = '', name: serviceName = '' } = s.metadata ?? {};
    const host = `${serviceName}.${namespace}.svc.${domain}`;
    const answers: Answer[] = [];
    const additionals: Answer[] = [];
    const add = (target: string, port: number, weight: number) => {
      const data = { priority: 0, weight, port, target };
      const isThere = answers.some((a) => a.type === 'SRV' && a.data.target === target && a.data.port === port);
      if (!isThere) answers.push({ type: 'SRV', name, ttl, data });
    };
    if (isHeadless(s)) {
      const endpoints = this.state.endpoints(namespace, serviceName);
      const weight = Math.max(1, Math.floor(100 / Math.max(1, endpoints.length)));
      for (const e of endpoints) {
        const ports = e.ports.filter((p) => p.name !== '' && wanted(p));
        for (const p of ports) add(`${e.label}.${host}`, p.port, weight);
        if (ports.length > 0) additionals.push(this.address(`${e.label}.${host}`, e.ip));
      }
    } else {
      for (const p of s.spec?.ports ?? []) {
        const port = { name: p.name?.toLowerCase() ?? '', protocol: (p.protocol ?? 'TCP').toLowerCase() };
        if (port.name !== '' && wanted(port)) add(host, p.port, 100);
      }
      if (answers.length > 0) additionals.push(...clusterIps(s).map((ip) => this.address(host, ip)));
    }
    return { rcode: 'NOERROR', answers, additionals };
  }

  /** `10-244-1-5.NAMESPACE.pod`: the address itself (the specification's deprecated records). */
  private pod(name: string, label: string, type: string): ZoneAnswer {
    const v4 = label.replace(/-/g, '.');
    const v6 = label.replace(/-/g, ':');
    const ip = isIPv4(v4) ? v4 : isIPv6(v6) ? v6 : undefined;
    return ip === undefined ? noName() : this.addresses(name, [ip], type);
  }

  /** Undefined for addresses that are not the cluster's: their names are somebody else's to tell. */
  private reverse(name: string, ip: string): ZoneAnswer | undefined {
    const { domain, ttl } = this.options;
    const ptr = (target: string): Answer => ({ type: 'PTR', name, ttl, data: target });
    const named = (owner: string) => `${owner.split('/')[1]}.${owner.split('/')[0]}.svc.${domain}`;
    const service = this.state.clusterIpOwner(ip);
    if (service) return { ...noData(), answers: [ptr(named(service))] };
    const answers: Answer[] = [];
    for (const owner of this.state.endpointOwners(ip)) {
      const [namespace = '', serviceName = ''] = owner.split('/');
      const s = this.state.service(namespace, serviceName);
      if (!s || !isHeadless(s)) continue;
      const mine = this.state.endpoints(namespace, serviceName).filter((e) => canonicalIp(e.ip) === ip);
      answers.push(...mine.map((e) => ptr(`${e.label}.${named(owner)}`)));
    }
    return answers.length > 0 ? { ...noData(), answers } : undefined;
  }

  /** NODATA if the name has addresses, but none of the family asked for. */
  private addresses(name: string, ips: string[], type: string): ZoneAnswer {
    const wanted =
      type === 'A' ? isIPv4 : type === 'AAAA' ? isIPv6 : type === 'ANY' ? (ip: string) => isIP(ip) !== 0 : () => false;
    return { ...noData(), answers: ips.filter(wanted).map((ip) => this.address(name, ip)) };
  }

  private address(name: string, ip: string): Answer {
    return { type: isIPv4(ip) ? 'A' : 'AAAA', name, ttl: this.options.ttl, data: ip };
  }
}
