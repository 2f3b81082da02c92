import { Counter, Gauge, Histogram, type Registry } from '@kubelab/component-base';
import type { ProxyMode } from './options.js';

const exponential = (start: number, factor: number, count: number) =>
  Array.from({ length: count }, (_, i) => start * factor ** i);

/** kube-proxy's metrics under their own names, so that its dashboards and alerts work unchanged. */
export class ProxyMetrics {
  readonly syncDuration: Histogram;
  readonly fullSyncDuration: Histogram;
  readonly partialSyncDuration: Histogram;
  readonly networkProgramming: Histogram;
  readonly lastSync: Gauge;
  readonly lastQueued: Gauge;
  readonly endpointChanges: Counter;
  readonly endpointChangesPending: Gauge;
  readonly serviceChanges: Counter;
  readonly serviceChangesPending: Gauge;
  /** A sync failed: in the mode's own words. */
  readonly syncFailures: Counter;
  /** Of iptables mode alone, as are the numbers of rules. */
  readonly partialRestoreFailures: Counter | undefined;
  readonly rulesTotal: Gauge | undefined;
  readonly rulesLast: Gauge | undefined;
  /** Of nftables mode alone: a chain that nothing leads to could not be deleted. */
  readonly cleanupFailures: Counter | undefined;
  readonly noLocalEndpoints: Gauge;
  readonly conntrackFailures: Counter;
  readonly drift: Counter;

  private refresh: () => void = () => undefined;

  /** Sets gauges that need a pass over everything, when somebody looks at them. */
  beforeScrape(refresh: () => void): void {
    this.refresh = refresh;
  }

  /** Registers what kube-proxy has in this mode. */
  constructor(register: Registry, mode: ProxyMode) {
    const registers = [register];
    const p = 'kubeproxy_sync_proxy_rules';
    const buckets = exponential(0.001, 2, 15);
    const ip = ['ip_family'];
    const histogram = (name: string, help: string, b = buckets) =>
      new Histogram({ name, help, buckets: b, labelNames: ip, registers });
    const gauge = (name: string, help: string, labelNames: string[] = []) =>
      new Gauge({ name, help, labelNames, registers });
    const counter = (name: string, help: string, labelNames: string[] = []) =>
      new Counter({ name, help, labelNames, registers });
    this.syncDuration = histogram(`${p}_duration_seconds`, 'SyncProxyRules latency in seconds');
    this.fullSyncDuration = histogram(
      'kubeproxy_sync_full_proxy_rules_duration_seconds',
      'Latency in seconds for full resyncs',
    );
    this.partialSyncDuration = histogram(
      'kubeproxy_sync_partial_proxy_rules_duration_seconds',
      'Latency in seconds for partial resyncs',
    );
    this.networkProgramming = histogram(
      'kubeproxy_network_programming_duration_seconds',
      'In Cluster Network Programming Latency in seconds',
      [0.25, 0.5, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 15, 20, 25, 30, 45, 60, 120, 180, 240, 300],
    );
    this.lastSync = gauge(`${p}_last_timestamp_seconds`, 'The last time proxy rules were successfully synced', ip);
    this.lastQueued = gauge(`${p}_last_queued_timestamp_seconds`, 'The last time a sync of proxy rules was queued', ip);
    this.endpointChanges = counter(`${p}_endpoint_changes_total`, 'Cumulative proxy rules Endpoint changes', ip);
    this.endpointChangesPending = gauge(`${p}_endpoint_changes_pending`, 'Pending proxy rules Endpoint changes', ip);
    this.serviceChanges = counter(`${p}_service_changes_total`, 'Cumulative proxy rules Service changes', ip);
    this.serviceChangesPending = gauge(`${p}_service_changes_pending`, 'Pending proxy rules Service changes', ip);
    // Before the numbers of rules, which are brought up to date together with it.
    this.noLocalEndpoints = new Gauge({
      name: `${p}_no_local_endpoints_total`,
      help: 'Number of services with a Local traffic policy and no endpoints',
      labelNames: ['traffic_policy', ...ip],
      registers,
      collect: () => this.refresh(),
    });
    this.syncFailures =
      mode === 'nftables'
        ? counter(`${p}_nftables_sync_failures_total`, 'Cumulative proxy nftables sync failures', ip)
        : counter(`${p}_iptables_restore_failures_total`, 'Cumulative proxy iptables restore failures', ip);
    if (mode === 'nftables') {
      const help = 'Cumulative proxy nftables cleanup failures';
      this.cleanupFailures = counter(`${p}_nftables_cleanup_failures_total`, help, ip);
    }
    if (mode === 'iptables') {
      this.partialRestoreFailures = counter(
        `${p}_iptables_partial_restore_failures_total`,
        'Cumulative proxy iptables partial restore failures',
        ip,
      );
      this.rulesTotal = gauge(`${p}_iptables_total`, 'Total number of iptables rules owned by kube-proxy', [
        'table',
        ...ip,
      ]);
      this.rulesLast = gauge(`${p}_iptables_last`, 'Number of lines written by the last sync', ['table', ...ip]);
    }
    this.conntrackFailures = counter(
      'kubeproxy_conntrack_cleanup_failures_total',
      'Failed deletions of stale flows',
      ip,
    );
    this.drift = counter('kubeproxy_verify_drift_total', 'Chains found different from what was written', ip);
  }
}
