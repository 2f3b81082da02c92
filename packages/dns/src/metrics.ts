import { Counter, Gauge, Histogram, type Registry } from '@kubelab/component-base';

/** Metrics under CoreDNS' names, so that its dashboards and alerts work unchanged. */
export class DnsMetrics {
  readonly requests: Counter;
  readonly responses: Counter;
  readonly duration: Histogram;
  readonly cacheHits: Counter;
  readonly cacheMisses: Counter;
  readonly cacheEntries: Gauge;
  readonly forwardDuration: Histogram;
  readonly forwardFailures: Counter;
  readonly panics: Counter;

  constructor(register: Registry) {
    const registers = [register];
    const buckets = Array.from({ length: 16 }, (_, i) => 0.00025 * 2 ** i);
    const counter = (name: string, help: string, labelNames: string[] = []) =>
      new Counter({ name, help, labelNames, registers });
    this.requests = counter('coredns_dns_requests_total', 'Counter of DNS requests', ['proto', 'family', 'type']);
    this.responses = counter('coredns_dns_responses_total', 'Counter of response status codes', ['rcode']);
    this.duration = new Histogram({
      name: 'coredns_dns_request_duration_seconds',
      help: 'Time each request took',
      buckets,
      registers,
    });
    this.cacheHits = counter('coredns_cache_hits_total', 'The count of cache hits');
    this.cacheMisses = counter('coredns_cache_misses_total', 'The count of cache misses');
    this.cacheEntries = new Gauge({
      name: 'coredns_cache_entries',
      help: 'The number of elements in the cache',
      registers,
    });
    this.forwardDuration = new Histogram({
      name: 'coredns_proxy_request_duration_seconds',
      help: 'Time each request to an upstream server took',
      buckets,
      labelNames: ['to'],
      registers,
    });
    this.forwardFailures = counter('coredns_proxy_healthcheck_failures_total', 'Upstream requests without an answer', [
      'to',
    ]);
    this.panics = counter('coredns_panics_total', 'Requests that failed by an error of the server itself');
  }
}

const rcodes = ['NOERROR', 'FORMERR', 'SERVFAIL', 'NXDOMAIN', 'NOTIMP', 'REFUSED'];

/** Name of the response code in a message's header. */
export function rcodeOf(m: Buffer): string {
  return rcodes[m.readUInt16BE(2) & 15] ?? 'OTHER';
}
