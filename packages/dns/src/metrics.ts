import { Counter, Gauge, Histogram, type Registry } from '@kubelab/component-base';
import { Tally } from './tally.js';

/** Labels that CoreDNS puts on all it counts; there is one server and one zone here. */
export const serverLabels = (port: number) => ({ server: `dns://:${port}`, zone: '.', view: '' });

const sizeBuckets = [0, 100, 200, 300, 400, 511, 1023, 2047, 4095, 8291, 16e3, 32e3, 48e3, 64e3];
const rcodes = ['NOERROR', 'FORMERR', 'SERVFAIL', 'NXDOMAIN', 'NOTIMP', 'REFUSED'];

/** Metrics under CoreDNS' names and labels, so that its dashboards and alerts work unchanged. */
export class DnsMetrics {
  private readonly requests: Tally;
  private readonly responses: Tally;
  private readonly cache: Tally;
  private readonly duration: ReturnType<Histogram['labels']>;
  private readonly responseSize: ReturnType<Histogram['labels']>;
  private readonly forwardDuration: Histogram;
  private readonly forwardFailures: Counter;
  readonly rejected: Counter;
  readonly panics: Counter;
  /** Settings of the ConfigMap that could not be used. */
  readonly reloadFailures: Counter;
  /** Domains whose servers send queries back here; '.' counts as one. */
  readonly loops: Gauge;

  /** `port`: of DNS, a label. `cacheSize` is asked at each scrape. */
  constructor(register: Registry, port: number, cacheSize: () => number) {
    const registers = [register];
    const labels = serverLabels(port);
    const common = Object.keys(labels);
    const tally = (name: string, help: string, labelNames: string[]) =>
      new Tally(register, name, help, labels, labelNames);
    const counter = (name: string, help: string, labelNames: string[] = []) =>
      new Counter({ name, help, labelNames, registers });
    const powers = Array.from({ length: 16 }, (_, i) => 0.00025 * 2 ** i);
    const histogram = (name: string, help: string, buckets: number[], labelNames: string[]) =>
      new Histogram({ name, help, buckets, labelNames, registers });
    this.requests = tally('coredns_dns_requests_total', 'Counter of DNS requests', ['proto', 'family', 'type']);
    this.responses = tally('coredns_dns_responses_total', 'Counter of response status codes', ['rcode']);
    this.cache = tally('coredns_cache_requests_total', 'The count of cache requests, by what came of them', ['result']);
    this.duration = histogram('coredns_dns_request_duration_seconds', 'Time each request took', powers, common).labels(
      labels,
    );
    this.responseSize = histogram('coredns_dns_response_size_bytes', 'Size of the answers', sizeBuckets, common).labels(
      labels,
    );
    this.forwardDuration = histogram('coredns_proxy_request_duration_seconds', 'Time of upstream requests', powers, [
      'proxy_name',
      'to',
      'rcode',
    ]);
    this.forwardFailures = counter('coredns_proxy_healthcheck_failures_total', 'Upstream requests without an answer', [
      'proxy_name',
      'to',
    ]);
    this.rejected = counter('coredns_forward_max_concurrent_rejects_total', 'Requests over the limit under way');
    this.panics = counter('coredns_panics_total', 'Requests that failed by an error of the server itself');
    this.reloadFailures = counter('coredns_reload_failed_total', 'Changed settings that could not be used');
    this.loops = new Gauge({
      name: 'kubelab_dns_upstream_loops',
      help: 'Domains whose servers lead back here',
      registers,
    });
    new Gauge({
      name: 'coredns_cache_entries',
      help: 'The number of elements in the cache',
      registers,
      collect() {
        this.set(cacheSize());
      },
    });
  }

  request(proto: string, family: string, type: string): void {
    this.requests.add(proto, family, type);
  }

  response(answer: Buffer, seconds: number): void {
    this.responses.add(rcodeOf(answer));
    this.duration.observe(seconds);
    this.responseSize.observe(answer.length);
  }

  cached(event: 'hit' | 'miss' | 'prefetch'): void {
    this.cache.add(event);
  }

  upstream(to: string, answer: Buffer | undefined, seconds: number): void {
    if (answer) this.forwardDuration.observe({ proxy_name: 'forward', to, rcode: rcodeOf(answer) }, seconds);
    else this.forwardFailures.inc({ proxy_name: 'forward', to });
  }
}

/** Name of the response code in a message's header. */
function rcodeOf(m: Buffer): string {
  return rcodes[m.readUInt16BE(2) & 15] ?? 'OTHER';
}
