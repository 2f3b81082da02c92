import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Registry } from '@kubelab/component-base';
import { ProxyMetrics } from './metrics.js';
import { type ProxyMode, proxyModes } from './options.js';

test('each mode has the failures and numbers that kube-proxy has in it', () => {
  const prefix = 'kubeproxy_sync_proxy_rules_';
  const wanted: Record<ProxyMode, string[]> = {
    iptables: [
      'iptables_last',
      'iptables_partial_restore_failures_total',
      'iptables_restore_failures_total',
      'iptables_total',
    ],
    nftables: ['nftables_cleanup_failures_total', 'nftables_sync_failures_total'],
    ipvs: ['iptables_restore_failures_total'],
  };
  for (const mode of proxyModes) {
    const registry = new Registry();
    new ProxyMetrics(registry, mode);
    const names = registry.getMetricsAsArray().map((m) => m.name);
    const own = names.flatMap((n) => (/_(ip|nf)tables_/.test(n) ? [n.slice(prefix.length)] : []));
    assert.deepEqual(own.sort(), wanted[mode], mode);
  }
});
