import type { DNSConfig } from '@kubelab/cri';
import type { Pod } from '../pod/types.js';

/** The content of a resolv.conf that pods inherit. */
export interface ResolvConf {
  servers: string[];
  searches: string[];
  options: string[];
}

export interface DnsSettings {
  clusterDns: string[];
  clusterDomain: string;
  host: ResolvConf;
}

/** Parses a resolv.conf; of several `search` lines the last counts (resolv.conf(5)). */
export function parseResolvConf(text: string): ResolvConf {
  const result: ResolvConf = { servers: [], searches: [], options: [] };
  for (const line of text.split('\n')) {
    const [keyword, ...values] = line
      .replace(/[#;].*$/, '')
      .trim()
      .split(/\s+/);
    if (keyword === 'nameserver' && values[0]) result.servers.push(values[0]);
    else if (keyword === 'search') result.searches = values.map((value) => value.replace(/\.$/, ''));
    else if (keyword === 'options') result.options = values;
  }
  return result;
}

/** glibc and Kubernetes take three servers and 32 search domains. */
const maxServers = 3;
const maxSearches = 32;
const maxSearchChars = 2048;

/** The DNS configuration of a pod's sandbox by its dnsPolicy and dnsConfig. */
export function podDns(pod: Pod, settings: DnsSettings): DNSConfig {
  const { host, clusterDns, clusterDomain } = settings;
  const policy = pod.spec.dnsPolicy ?? 'ClusterFirst';
  let base: ResolvConf = { ...host };
  const cluster =
    policy === 'ClusterFirstWithHostNet' || (policy === 'ClusterFirst' && !pod.spec.hostNetwork)
      ? clusterDns.length > 0
      : false;
  if (policy === 'None') base = { servers: [], searches: [], options: [] };
  else if (cluster) {
    const namespace = pod.metadata.namespace;
    const own = clusterDomain ? [`${namespace}.svc.${clusterDomain}`, `svc.${clusterDomain}`, clusterDomain] : [];
    base = { servers: clusterDns, searches: unique([...own, ...host.searches]), options: ['ndots:5'] };
  } else if (base.servers.length === 0) {
    base = { ...base, servers: ['127.0.0.1'] };
  }
  const extra = pod.spec.dnsConfig;
  const options = new Map(base.options.map((text) => [text.split(':')[0] ?? text, text]));
  for (const option of extra?.options ?? []) {
    const name = option.name ?? '';
    options.set(name, option.value ? `${name}:${option.value}` : name);
  }
  return {
    servers: unique([...base.servers, ...(extra?.nameservers ?? [])]).slice(0, maxServers),
    searches: limitSearches(unique([...base.searches, ...(extra?.searches ?? [])])),
    options: [...options.values()],
  };
}

function limitSearches(searches: string[]): string[] {
  const kept = searches.slice(0, maxSearches);
  while (kept.join(' ').length > maxSearchChars) kept.pop();
  return kept;
}

const unique = (items: string[]) => [...new Set(items)];

/** resolv.conf text of a DNS configuration: for host-network pods, whose sandbox file the runtime does not write. */
export function formatResolvConf(dns: DNSConfig): string {
  const lines = (dns.servers ?? []).map((server) => `nameserver ${server}`);
  if (dns.searches?.length) lines.push(`search ${dns.searches.join(' ')}`);
  if (dns.options?.length) lines.push(`options ${dns.options.join(' ')}`);
  return `${lines.join('\n')}\n`;
}
