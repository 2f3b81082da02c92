import { isIP, isIPv4, isIPv6 } from 'node:net';
import type { V1Service } from '@kubelab/api';
import type { Answer } from 'dns-packet';
import { canonicalIp, reverseAddress } from '../wire/reverse.js';
import { type ClusterState, clusterIps, isHeadless, type NamedEndpoint, type NamedPort } from './state.js';

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
const maxSoaSeconds = 300;

/** An address under the host name that SRV records lead to. */
interface Target extends NamedEndpoint {
  host: string;
}

const noData = (): ZoneAnswer => ({ rcode: 'NOERROR', answers: [], additionals: [] });
const noName = (): ZoneAnswer => ({ rcode: 'NXDOMAIN', answers: [], additionals: [] });

/** Answers questions about the cluster's names as the Kubernetes DNS specification 1.1 says. Pure but for the state. */
export class ClusterZone {
  constructor(
    private readonly state: ClusterState,
    readonly options: ZoneOptions,
  ) {}

  /** Changes with the answers. */
  get generation(): number {
    return this.state.generation;
  }

  /** `name` in lower case without the final dot. Undefined: not a name of this zone. */
  lookup(name: string, type: string): ZoneAnswer | undefined {
    const { domain } = this.options;
    if (name === domain) return this.apex(name, type);
    if (name.endsWith(`.${domain}`)) return this.inZone(name, name.slice(0, -domain.length - 1).split('.'), type);
    const ip = type === 'PTR' ? reverseAddress(name) : undefined;
    return ip === undefined ? undefined : this.reverse(name, ip);
  }

  /** For the authority section of negative answers; TTLs and timers as CoreDNS has them. */
  soa(): Answer {
    const { domain, ttl } = this.options;
    const data = {
      mname: `ns.dns.${domain}`,
      rname: `hostmaster.${domain}`,
      serial: this.state.changedAtSeconds,
      refresh: 7200,
      retry: 1800,
      expire: 86400,
      minimum: ttl,
    };
    return { type: 'SOA', name: domain, ttl: Math.min(ttl, maxSoaSeconds), data };
  }

  private apex(name: string, type: string): ZoneAnswer {
    const { ttl } = this.options;
    if (type === 'SOA') return { ...noData(), answers: [this.soa()] };
    if (type !== 'NS') return noData();
    const dns = this.dnsService();
    const server = dns ? `${dns.metadata?.name}.${dns.metadata?.namespace}.svc.${name}` : `ns.dns.${name}`;
    const additionals = dns ? clusterIps(dns).map((ip) => this.address(server, ip)) : [];
    return { ...noData(), answers: [{ type: 'NS', name, ttl, data: server }], additionals };
  }

  private dnsService(): V1Service | undefined {
    return this.state.service('kube-system', 'kube-dns');
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
      const dns = this.dnsService();
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
    if (service.spec?.type === 'ExternalName') return rest.length > 0 ? noName() : this.alias(name, service, type);
    const headless = isHeadless(service);
    const [first = '', second = ''] = rest;
    if (rest.length === 0) {
      const targets = this.targets(service);
      // The specification asks for NXDOMAIN, not an empty answer, of a headless Service without ready endpoints.
      if (headless && targets.length === 0) return noName();
      if (type === 'SRV') return this.srv(name, targets, () => true);
      return this.addresses(name, headless ? targets.map((t) => t.ip) : clusterIps(service), type);
    }
    if (rest.length === 2 && first.startsWith('_') && second.startsWith('_')) {
      const wanted = (p: NamedPort) => p.name !== '' && `_${p.name}` === first && `_${p.protocol}` === second;
      const answer = this.srv(name, this.targets(service), wanted);
      if (answer.answers.length === 0) return noName();
      return type === 'SRV' ? answer : noData();
    }
    if (rest.length !== 1) return noName();
    if (first.startsWith('_')) {
      // `_tcp` exists if a named port lies below it: an empty non-terminal (RFC 8020).
      const below = (p: NamedPort) => p.name !== '' && `_${p.protocol}` === first;
      return this.targets(service).some((t) => t.ports.some(below)) ? noData() : noName();
    }
    // An endpoint, of any Service: those of one with a cluster IP have names too, as in CoreDNS.
    const endpoints = this.endpointTargets(service).filter((t) => t.label === first);
    if (endpoints.length === 0) return noName();
    if (type === 'SRV') return this.srv(name, endpoints, () => true);
    const ips = endpoints.map((t) => t.ip);
    return this.addresses(name, ips, type);
  }

  private alias(name: string, service: V1Service, type: string): ZoneAnswer {
    const target = (service.spec?.externalName ?? '').replace(/\.$/, '').toLowerCase();
    // What looks like an address is a name of digits and resolves to nothing: Kubernetes' documentation of ExternalName.
    if (isIP(target) || target === '') return noName();
    const answers: Answer[] = [{ type: 'CNAME', name, ttl: this.options.ttl, data: target }];
    const isAsked = type === 'CNAME' || type === 'ANY';
    return { ...noData(), answers, ...(isAsked ? {} : { cname: target }) };
  }

  /** Where a Service's SRV records lead: to itself, or to each endpoint of a headless one. */
  private targets(s: V1Service): Target[] {
    if (isHeadless(s)) return this.endpointTargets(s);
    const ports = (s.spec?.ports ?? []).map((p) => ({
      name: p.name?.toLowerCase() ?? '',
      protocol: (p.protocol ?? 'TCP').toLowerCase(),
      port: p.port,
    }));
    return clusterIps(s).map((ip) => ({ ip, label: '', ports, host: this.hostOf(s) }));
  }

  private endpointTargets(s: V1Service): Target[] {
    const endpoints = this.state.endpoints(s.metadata?.namespace ?? '', s.metadata?.name ?? '');
    return endpoints.map((e) => ({ ...e, host: `${e.label}.${this.hostOf(s)}` }));
  }

  private hostOf(s: V1Service): string {
    return `${s.metadata?.name}.${s.metadata?.namespace}.svc.${this.options.domain}`;
  }

  /** One record a host and port, with the addresses of the hosts. Weights share 100, as CoreDNS does it. */
  private srv(name: string, targets: Target[], wanted: (p: NamedPort) => boolean): ZoneAnswer {
    const pairs = targets.flatMap((t) => t.ports.filter(wanted).map((p) => ({ target: t, port: p.port })));
    const weight = Math.max(1, Math.floor(100 / Math.max(1, pairs.length)));
    const answers = new Map<string, Answer>();
    const additionals = new Map<string, Answer>();
    for (const { target, port } of pairs) {
      const data = { priority: 0, weight, port, target: target.host };
      answers.set(`${target.host} ${port}`, { type: 'SRV', name, ttl: this.options.ttl, data });
      additionals.set(`${target.host} ${target.ip}`, this.address(target.host, target.ip));
    }
    return { rcode: 'NOERROR', answers: [...answers.values()], additionals: [...additionals.values()] };
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
    const names = new Set<string>();
    for (const owner of this.state.endpointOwners(ip)) {
      const [namespace = '', serviceName = ''] = owner.split('/');
      const s = this.state.service(namespace, serviceName);
      if (!s || s.spec?.type === 'ExternalName') continue;
      const mine = this.state.endpoints(namespace, serviceName).filter((e) => canonicalIp(e.ip) === ip);
      for (const e of mine) names.add(`${e.label}.${named(owner)}`);
    }
    return names.size > 0 ? { ...noData(), answers: [...names].map(ptr) } : undefined;
  }

  /** NODATA if the name has addresses, but none of the family asked for. */
  private addresses(name: string, ips: string[], type: string): ZoneAnswer {
    const wanted =
      type === 'A' ? isIPv4 : type === 'AAAA' ? isIPv6 : type === 'ANY' ? (ip: string) => isIP(ip) !== 0 : () => false;
    return { ...noData(), answers: [...new Set(ips)].filter(wanted).map((ip) => this.address(name, ip)) };
  }

  private address(name: string, ip: string): Answer {
    return { type: isIPv4(ip) ? 'A' : 'AAAA', name, ttl: this.options.ttl, data: ip };
  }
}
